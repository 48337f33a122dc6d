package realnode

import (
	"os/exec"
	"runtime"
)

// starter starts processes from one operating system thread that lives as long as they do. Linux
// sends the parent-death signal when the thread that started a process ends, not when the whole
// parent does, and Go may end threads at will.
type starter struct {
	work  chan *exec.Cmd
	done  chan error
	ended chan struct{}
}

func newStarter() *starter {
	s := &starter{make(chan *exec.Cmd), make(chan error), make(chan struct{})}
	go s.run()
	return s
}

func (s *starter) run() {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer close(s.ended)
	for cmd := range s.work {
		s.done <- cmd.Start()
	}
}

// do is cmd.Start. One call at a time.
func (s *starter) do(cmd *exec.Cmd) error {
	s.work <- cmd
	return <-s.done
}

// stop ends the thread. All processes must have ended.
func (s *starter) stop() {
	close(s.work)
	<-s.ended
}
