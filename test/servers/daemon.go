package servers

import (
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// A Build is our own daemon, built at most once for all tests of a package.
type Build struct {
	flags []string
	once  sync.Once
	dir   string
	out   []byte
	err   error
}

// Daemon is a build with these flags of go build.
func Daemon(flags ...string) *Build { return &Build{flags: flags} }

// File is the program. It is built now, if no test needed it before.
func (b *Build) File(tb testing.TB) string {
	tb.Helper()
	b.once.Do(b.build)
	if b.err != nil {
		tb.Fatalf("build the daemon: %v\n%s", b.err, b.out)
	}
	return filepath.Join(b.dir, "autorollback")
}

func (b *Build) build() {
	if b.dir, b.err = os.MkdirTemp("", "autorollback-daemon-"); b.err != nil {
		return
	}
	args := append([]string{"build", "-o", b.dir}, b.flags...)
	b.out, b.err = exec.Command("go", append(args, "github.com/autorollback/autorollback/cmd/autorollback")...).CombinedOutput()
}

// Remove takes the program away, if it was built: for TestMain, once all tests have ended.
func (b *Build) Remove() {
	if b.dir != "" {
		os.RemoveAll(b.dir)
	}
}
