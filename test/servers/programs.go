package servers

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
)

// Promtool returns the path of the promtool built with Prometheus.
func Promtool(tb testing.TB) string {
	tb.Helper()
	return program(tb, "prometheus", "promtool")
}

// ConsulProgram returns the path of Consul, which is its command line as well.
func ConsulProgram(tb testing.TB) string {
	tb.Helper()
	return program(tb, "consul", "consul")
}

// Amtool returns the path of the amtool built with Alertmanager.
func Amtool(tb testing.TB) string {
	tb.Helper()
	return program(tb, "alertmanager", "amtool")
}

// NotShort skips a test that needs a real server under -short, which asks for none. Without
// -short a server that is missing fails the test.
func NotShort(tb testing.TB) {
	tb.Helper()
	if testing.Short() {
		tb.Skip("needs a real server: run without -short")
	}
}

func program(tb testing.TB, server, name string) string {
	tb.Helper()
	NotShort(tb)
	dir, err := folder(server)
	if err != nil {
		tb.Fatal(err)
	}
	path, err := programIn(dir, server, name)
	if err != nil {
		tb.Fatal(err)
	}
	return path
}

// installed is the path of a program of the system, which test/needs installs.
func installed(tb testing.TB, name string) string {
	tb.Helper()
	NotShort(tb)
	for _, at := range []string{name, "/usr/sbin/" + name} { // no folder of every user's PATH
		if path, err := exec.LookPath(at); err == nil {
			return path
		}
	}
	tb.Fatalf("real %s not found: run `make needs` as root, or install it", name)
	return ""
}

func programIn(dir, server, name string) (string, error) {
	path := filepath.Join(dir, name)
	if _, err := os.Stat(path); err != nil {
		return "", fmt.Errorf("real %s not found: run `make servers` (builds it once into %s)", server, dir)
	}
	return path, nil
}

var folders sync.Map // server name to func() (string, error), asked once

func folder(server string) (string, error) {
	once, _ := folders.LoadOrStore(server, sync.OnceValues(func() (string, error) {
		return askFolder(server)
	}))
	return once.(func() (string, error))()
}

// askFolder leaves the rule for the folder's name to the build script, so
// that it is written down once.
func askFolder(server string) (string, error) {
	_, here, _, ok := runtime.Caller(0)
	if !ok || !filepath.IsAbs(here) {
		return "", errors.New("find the build script: the test was built with -trimpath, build it without")
	}
	out, err := exec.Command(filepath.Join(filepath.Dir(here), "build"), "--path", server).Output()
	if err != nil {
		return "", fmt.Errorf("ask where real %s is: %w%s", server, err, saidOnExit(err))
	}
	return strings.TrimSpace(string(out)), nil
}

func saidOnExit(err error) string {
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return ": " + strings.TrimSpace(string(exit.Stderr))
	}
	return ""
}
