package explore

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"syscall"
	"time"

	"github.com/container-football/pitch/scenario"
)

// maxLine bounds one line between an explorer and its worker.
const maxLine = 16 << 20

// Serve is a worker's side: it runs the jobs that come on in, a JSON object each, and writes a report of each to
// out, until in ends.
func Serve(ctx context.Context, in io.Reader, out io.Writer, files []*scenario.File, world *scenario.WorldKind) error {
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, maxLine)
	to := json.NewEncoder(out)
	for lines.Scan() && ctx.Err() == nil {
		var j Job
		if err := json.Unmarshal(lines.Bytes(), &j); err != nil {
			return fmt.Errorf("job: %w", err)
		}
		if j.File < 0 || j.File >= len(files) {
			return fmt.Errorf("job: there is no scenario %d", j.File)
		}
		if err := to.Encode(RunJob(ctx, files[j.File], world, j)); err != nil {
			return err
		}
	}
	return lines.Err()
}

// process is a worker in another process.
type process struct {
	cmd   *exec.Cmd
	in    io.WriteCloser
	out   *bufio.Scanner
	limit time.Duration
}

// Spawn starts a command that calls [Serve] and returns a worker that uses it. A job that takes longer than limit
// ends it. The command is killed with this process, where the system can do that.
func Spawn(cmd *exec.Cmd, limit time.Duration) (Worker, error) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p := &process{cmd: cmd, in: in, out: bufio.NewScanner(out), limit: limit}
	p.out.Buffer(nil, maxLine)
	return p, nil
}

// Run implements [Worker].
func (p *process) Run(ctx context.Context, j Job) (Report, error) {
	line, err := json.Marshal(j)
	if err != nil {
		return Report{}, err
	}
	// Whatever ends the wait ends the process: then its output ends, too.
	late := errors.New("no answer")
	ctx, cancel := context.WithTimeoutCause(ctx, p.limit, late)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { _ = p.cmd.Process.Kill() })
	defer stop()
	var rep Report
	if _, err = p.in.Write(append(line, '\n')); err == nil {
		if p.out.Scan() {
			err = json.Unmarshal(p.out.Bytes(), &rep)
		} else if err = p.out.Err(); err == nil {
			err = io.ErrUnexpectedEOF
		}
	}
	if errors.Is(context.Cause(ctx), late) {
		err = fmt.Errorf("no answer within %v", p.limit)
	}
	return rep, err
}

// Close implements [Worker].
func (p *process) Close() error {
	p.in.Close()
	done := make(chan struct{})
	stop := time.AfterFunc(time.Second, func() { _ = p.cmd.Process.Kill() })
	go func() { // what is left in the pipe must not keep the process
		for p.out.Scan() {
		}
		close(done)
	}()
	<-done
	stop.Stop()
	return p.cmd.Wait()
}
