package servers

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// Nginx starts the system's nginx with that configuration file. It returns when the
// address answers.
func Nginx(tb testing.TB, config, url string) *Process {
	tb.Helper()
	p := &Process{
		tb: tb, name: "nginx", path: installed(tb, "nginx"), dir: filepath.Dir(config), ready: answers(url),
		args: []string{"-c", config, "-p", filepath.Dir(config), "-e", "stderr", "-g", "daemon off;"},
		last: syscall.SIGTERM, // its workers outlive a master that was killed
	}
	launch(p)
	return p
}

// HAProxy starts the system's HAProxy, a master with one worker, with that configuration
// file. It returns when the address answers.
func HAProxy(tb testing.TB, config, url string) *Process {
	tb.Helper()
	p := &Process{
		tb: tb, name: "haproxy", path: installed(tb, "haproxy"), dir: filepath.Dir(config), ready: answers(url),
		args: []string{"-W", "-f", config, "-p", filepath.Join(filepath.Dir(config), "haproxy.pid")},
		last: syscall.SIGTERM, // it then waits for its worker
	}
	launch(p)
	return p
}

// ConsulTemplate starts a consul-template with that configuration file. It returns when it
// has rendered the file.
func ConsulTemplate(tb testing.TB, config, rendered string) *Process {
	tb.Helper()
	p := &Process{
		tb: tb, name: "consul-template", dir: filepath.Dir(config), args: []string{"-config", config},
		env:  []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin"}, // for the commands that it runs
		stop: syscall.SIGINT,                                 // it does not end at SIGTERM
		ready: func(context.Context) error {
			if _, err := os.Stat(rendered); err != nil {
				return fmt.Errorf("it has rendered nothing: %w", err)
			}
			return nil
		},
	}
	launch(p)
	return p
}
