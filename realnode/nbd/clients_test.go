package nbd

import (
	"bytes"
	"context"
	"encoding/pem"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// The clients of this file were written by others. On Debian they come with the packages
// libnbd-bin (nbdinfo, nbdcopy), python3-libnbd (nbdsh), qemu-utils (qemu-io, qemu-img) and fio.

// tool runs a client to its end and returns what it says.
func tool(t *testing.T, name string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.WaitDelay = time.Second
	cmd.Dir = t.TempDir() // fio leaves files behind
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

func need(t *testing.T, names ...string) {
	t.Helper()
	for _, name := range names {
		if _, err := exec.LookPath(name); err != nil {
			t.Skipf("SKIPPED: %s is not installed; see the top of clients_test.go", name)
		}
	}
}

func says(t *testing.T, out string, wants ...string) {
	t.Helper()
	for _, want := range wants {
		if !strings.Contains(out, want) {
			t.Errorf("client does not say %q:\n%s", want, out)
		}
	}
}

// volume serves a sparse file as "vol" and returns it and the URI.
func volume(t *testing.T, size int64) (*File, string) {
	t.Helper()
	d, err := OpenFile(filepath.Join(t.TempDir(), "vol"), size)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	path := serve(t, &Server{Exports: fixed(Export{Name: "vol", Description: "a volume",
		Device: d, MultiConn: true, MinBlock: 512})})
	return d, "nbd+unix:///vol?socket=" + path
}

func TestNbdinfo(t *testing.T) {
	need(t, "nbdinfo")
	_, uri := volume(t, 32<<20)
	says(t, tool(t, "nbdinfo", uri), "export-size: 33554432", "can_multi_conn: true",
		"can_fua: true", "can_flush: true", "can_trim: true", "can_zero: true", "can_df: true",
		"can_fast_zero: false", "is_read_only: false", "block_size_minimum: 512",
		"base:allocation", "newstyle-fixed", "using structured packets")
	says(t, tool(t, "nbdinfo", "--list", strings.Replace(uri, "/vol", "/", 1)),
		`export="vol"`, "a volume")
	says(t, tool(t, "nbdinfo", "--map", uri), "33554432", "hole,zero")
}

func TestNbdinfoTLS(t *testing.T) {
	need(t, "nbdinfo")
	config, _ := certificate(t)
	s := &Server{TLS: config, RequireTLS: true,
		Exports: fixed(Export{Name: "vol", Device: newMemory(1 << 20)})}
	l := listen(t)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx, l) }()
	defer func() { cancel(); <-ended }()
	dir := t.TempDir()
	cert := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE",
		Bytes: config.Certificates[0].Certificate[0]})
	if err := os.WriteFile(filepath.Join(dir, "ca-cert.pem"), cert, 0o600); err != nil {
		t.Fatal(err)
	}
	says(t, tool(t, "nbdinfo",
		"nbds://"+l.Addr().String()+"/vol?tls-certificates="+dir), "with TLS", "1048576")
}

func TestNbdcopy(t *testing.T) {
	need(t, "nbdcopy")
	_, from := volume(t, 24<<20)
	_, to := volume(t, 24<<20)
	dir := t.TempDir()
	data := make([]byte, 24<<20)
	rng := rand.New(rand.NewPCG(3, 4))
	for i := range 8 << 20 { // and two thirds of holes
		data[8<<20+i] = byte(rng.Uint32())
	}
	in, out := filepath.Join(dir, "in"), filepath.Join(dir, "out")
	if err := os.WriteFile(in, data, 0o600); err != nil {
		t.Fatal(err)
	}
	tool(t, "nbdcopy", "--flush", in, from)
	tool(t, "nbdcopy", "--flush", "--connections=4", from, to)
	tool(t, "nbdcopy", "--synchronous", to, out)
	if got, err := os.ReadFile(out); err != nil || !bytes.Equal(got, data) {
		t.Errorf("the copy differs: %d bytes, %v", len(got), err)
	}
}

func TestNbdsh(t *testing.T) {
	python := "" // nbdsh itself takes the first python in the path, which may not be Debian's
	for _, name := range []string{"/usr/bin/python3", "python3"} {
		if python == "" && exec.Command(name, "-c", "import nbd").Run() == nil {
			python = name
		}
	}
	if python == "" {
		t.Skip("SKIPPED: no python with the module nbd; see the top of clients_test.go")
	}
	_, uri := volume(t, 16<<20)
	script := `
h.add_meta_context("base:allocation")
h.connect_uri("` + uri + `")
assert h.get_structured_replies_negotiated()
h.pwrite(b"x" * 4096, 8192, nbd.CMD_FLAG_FUA)
h.flush()
chunks = []
assert h.pread_structured(4 << 20, 0, lambda buf, off, status, err: chunks.append(status),
                          nbd.CMD_FLAG_DF)[8192:12288] == b"x" * 4096
assert chunks == [nbd.READ_DATA], chunks
h.zero(1024, 8192, nbd.CMD_FLAG_NO_HOLE)
h.trim(512, 8192 + 2048, nbd.CMD_FLAG_FUA)
h.cache(4096, 0)
assert h.pread(4096, 8192) == bytes(1024) + b"x" * 1024 + bytes(512) + b"x" * 1536
seen = []
h.block_status(16 << 20, 0, lambda ctx, off, entries, err: seen.extend(entries))
assert sum(seen[0::2]) == 16 << 20, seen
h.set_strict_mode(0)
for call in (lambda: h.pread(512, 1 << 30), lambda: h.pread(100, 1),
             lambda: h.zero(512, 0, nbd.CMD_FLAG_FAST_ZERO)):
    try:
        call()
    except nbd.Error as e:
        assert e.errno == "EINVAL", e.errno
    else:
        assert False
try:
    h.pwrite(bytes(512), 1 << 30)
except nbd.Error as e:
    assert e.errno == "ENOSPC", e.errno
h.shutdown()
`
	tool(t, python, "-m", "nbd", "-c", script)
}

func TestQemuIO(t *testing.T) {
	need(t, "qemu-io")
	_, uri := volume(t, 64<<20)
	out := tool(t, "qemu-io", "-f", "raw", uri,
		"-c", "write -P 17 4096 1M", "-c", "write -f -P 18 3M 64k", "-c", "read -P 17 4096 1M",
		"-c", "read -P 18 3M 64k", "-c", "write -z 8192 64k", "-c", "read -P 0 8192 64k",
		"-c", "write -z -u 3M 64k", "-c", "read -P 0 3M 64k", "-c", "discard 16M 8M",
		"-c", "aio_write -P 21 32M 4M", "-c", "aio_flush", "-c", "read -P 21 32M 4M",
		"-c", "flush", "-c", "map")
	says(t, out, "wrote 1048576/1048576 bytes", "discard 8388608/8388608", "allocated")
	if strings.Contains(strings.ToLower(out), "fail") || strings.Contains(out, "rror") {
		t.Errorf("qemu-io is not content:\n%s", out)
	}
}

func TestQemuImg(t *testing.T) {
	need(t, "qemu-img")
	_, uri := volume(t, 64<<20)
	img := filepath.Join(t.TempDir(), "img")
	data := make([]byte, 64<<20)
	for i := range 5 << 20 {
		data[10<<20+i] = byte(i * i >> 3)
	}
	if err := os.WriteFile(img, data, 0o600); err != nil {
		t.Fatal(err)
	}
	tool(t, "qemu-img", "convert", "-n", "-f", "raw", "-O", "raw", img, uri)
	says(t, tool(t, "qemu-img", "compare", "-f", "raw", "-F", "raw", img, uri), "identical")
	says(t, tool(t, "qemu-img", "info", uri), "64 MiB")
	says(t, tool(t, "qemu-img", "map", "--output=json", uri), `"zero": true`)
	tool(t, "qemu-img", "bench", "-w", "-f", "raw", "-c", "2000", "-d", "32",
		"--flush-interval=100", uri)
}

func TestFioVerify(t *testing.T) {
	need(t, "fio")
	if !strings.Contains(tool(t, "fio", "--enghelp"), "nbd") {
		t.Skip("SKIPPED: this fio has no nbd engine")
	}
	_, uri := volume(t, 64<<20)
	for _, job := range [][]string{
		{"--rw=randwrite", "--bs=4k", "--iodepth=32", "--size=32m"},
		{"--rw=randwrite", "--bsrange=512-256k", "--bs_unaligned=0", "--iodepth=16", "--size=64m"},
		{"--rw=write", "--bs=1m", "--iodepth=8", "--size=64m"},
		{"--rw=randwrite", "--bs=4k", "--iodepth=32", "--size=4m", "--fsync=8"},
	} {
		args := append([]string{"--name=v", "--ioengine=nbd", "--uri=" + uri, "--verify=crc32c",
			"--verify_fatal=1", "--do_verify=1"}, job...)
		says(t, tool(t, "fio", args...), "err= 0")
	}
}
