package realnode

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/container-football/pitch/node"
)

// Under the data directory of a host lies, for machine 0:
//
//	m0/volume0    one sparse file, Sectors*SectorSize bytes
//	m0/log0/      one file a segment, named by its number: 00000000000000000001.seg
const (
	machinePrefix = "m"
	volumePrefix  = "volume"
	logPrefix     = "log"
)

func devicePath(dataDir string, machine uint32, kind string, dev node.Dev) string {
	return filepath.Join(dataDir, fmt.Sprintf("%s%d", machinePrefix, machine),
		fmt.Sprintf("%s%d", kind, dev))
}

// storage holds the devices of all machines of one host.
type storage struct {
	volumes, logs [][]*device // by machine and number
}

// openStorage opens every device that specs name, and starts its workers.
func openStorage(cfg *NodeConfig, specs []node.Spec, inbox *queue[item]) (*storage, error) {
	s := &storage{}
	for m, spec := range specs {
		if err := s.openMachine(cfg, uint32(m), spec, inbox); err != nil {
			return nil, errors.Join(err, s.stop())
		}
	}
	return s, nil
}

func (s *storage) openMachine(cfg *NodeConfig, m uint32, spec node.Spec, in *queue[item]) error {
	s.volumes, s.logs = append(s.volumes, nil), append(s.logs, nil)
	dir := filepath.Join(cfg.DataDir, fmt.Sprintf("%s%d", machinePrefix, m))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for i, g := range spec.Volumes {
		if err := checkGeometry(g); err != nil {
			return fmt.Errorf("machine %d, volume %d: %w", m, i, err)
		}
		fate, err := newFate(cfg, volumePrefix, m, node.Dev(i))
		if err != nil {
			return err
		}
		v, err := openVolume(devicePath(cfg.DataDir, m, volumePrefix, node.Dev(i)), g, fate)
		if err != nil {
			return fmt.Errorf("machine %d, volume %d: %w", m, i, err)
		}
		d := newDevice(m, node.Dev(i), v, in)
		v.floor = d.floor
		s.volumes[m] = append(s.volumes[m], d.start())
	}
	for i := range spec.Logs {
		fate, err := newFate(cfg, logPrefix, m, node.Dev(i))
		if err != nil {
			return err
		}
		l, err := openLog(devicePath(cfg.DataDir, m, logPrefix, node.Dev(i)), fate)
		if err != nil {
			return fmt.Errorf("machine %d, log %d: %w", m, i, err)
		}
		s.logs[m] = append(s.logs[m], newDevice(m, node.Dev(i), l, in).start())
	}
	return nil
}

func checkGeometry(g node.Geometry) error {
	const most = 1 << 62
	switch {
	case g.SectorSize == 0 || g.Sectors == 0:
		return errors.New("geometry: no sectors")
	case g.Carry != g.SectorSize:
		return fmt.Errorf("geometry: carries %d bytes a sector; real files carry all %d",
			g.Carry, g.SectorSize)
	case g.Sectors > most/uint64(g.SectorSize):
		return fmt.Errorf("geometry: %d sectors of %d bytes are too many", g.Sectors, g.SectorSize)
	}
	return nil
}

// stop ends all workers and closes all files.
func (s *storage) stop() error {
	var errs []error
	for _, list := range [][][]*device{s.volumes, s.logs} {
		for _, devices := range list {
			for _, d := range devices {
				errs = append(errs, d.stop())
			}
		}
	}
	return errors.Join(errs...)
}

// volume is how a machine sees a device that is a volume.
type volume struct {
	*device
	carry int64 // bytes a sector
}

var _ node.Volume = volume{}

// Read implements node.Volume.
func (v volume) Read(tag node.Tag, sector, n int64) {
	v.ask(diskOp{op: node.OpRead, tag: tag, off: sector, n: n}, nil)
}

// Write implements node.Volume.
func (v volume) Write(tag node.Tag, sector int64, data []byte) {
	n := int64(len(data)) / v.carry
	v.ask(diskOp{op: node.OpWrite, tag: tag, off: sector, n: n}, data)
}

// Sync implements node.Volume.
func (v volume) Sync(tag node.Tag) { v.ask(diskOp{op: node.OpSync, tag: tag}, nil) }

// logDevice is how a machine sees a device that is a log.
type logDevice struct{ *device }

var _ node.Log = logDevice{}

// List implements node.Log.
func (l logDevice) List(tag node.Tag) { l.ask(diskOp{op: node.OpLogList, tag: tag}, nil) }

// Append implements node.Log. Real files take what is carried, so the cost does not count.
func (l logDevice) Append(tag node.Tag, seg uint64, off int64, data []byte, _ int64) {
	l.ask(diskOp{op: node.OpLogAppend, tag: tag, seg: seg, off: off, n: int64(len(data))}, data)
}

// Read implements node.Log.
func (l logDevice) Read(tag node.Tag, seg uint64, off, n int64) {
	l.ask(diskOp{op: node.OpLogRead, tag: tag, seg: seg, off: off, n: n}, nil)
}

// Sync implements node.Log.
func (l logDevice) Sync(tag node.Tag, seg uint64) {
	l.ask(diskOp{op: node.OpLogSync, tag: tag, seg: seg}, nil)
}

// Truncate implements node.Log.
func (l logDevice) Truncate(tag node.Tag, seg uint64, size int64) {
	l.ask(diskOp{op: node.OpLogTrunc, tag: tag, seg: seg, n: size}, nil)
}

// Delete implements node.Log.
func (l logDevice) Delete(tag node.Tag, seg uint64) {
	l.ask(diskOp{op: node.OpLogDelete, tag: tag, seg: seg}, nil)
}
