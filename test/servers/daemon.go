package servers

import (
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// A Build is one of our own programs, built at most once for all tests of a package.
type Build struct {
	name  string
	flags []string
	env   []string
	once  sync.Once
	dir   string
	out   []byte
	err   error
}

// Daemon is a build with these flags of go build.
func Daemon(flags ...string) *Build { return &Build{name: "autorollback", flags: flags} }

// Keeper is the daemon's helper program, as it is released: without cgo.
func Keeper() *Build {
	return &Build{name: "autorollback-keeper", flags: []string{"-ldflags", "-s -w"}, env: []string{"CGO_ENABLED=0"}}
}

// File is the program. It is built now, if no test needed it before.
func (b *Build) File(tb testing.TB) string {
	tb.Helper()
	b.once.Do(b.build)
	if b.err != nil {
		tb.Fatalf("build %s: %v\n%s", b.name, b.err, b.out)
	}
	return filepath.Join(b.dir, b.name)
}

func (b *Build) build() {
	if b.dir, b.err = os.MkdirTemp("", "autorollback-daemon-"); b.err != nil {
		return
	}
	args := append([]string{"build", "-o", b.dir}, b.flags...)
	cmd := exec.Command("go", append(args, "github.com/autorollback/autorollback/cmd/"+b.name)...)
	cmd.Env = append(os.Environ(), b.env...)
	b.out, b.err = cmd.CombinedOutput()
}

// Remove takes the program away, if it was built: for TestMain, once all tests have ended.
func (b *Build) Remove() {
	if b.dir != "" {
		os.RemoveAll(b.dir)
	}
}
