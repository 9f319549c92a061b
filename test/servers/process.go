package servers

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

const (
	readyTimeout = 2 * time.Minute // for a machine that builds at the same time
	endTimeout   = time.Minute
	lastLines    = 50
)

// A Process is a real server running as a child of the test. It is killed
// when the test ends. If the test has failed by then, the last lines of its
// output are logged; if it ended without being asked to, the test fails.
type Process struct {
	tb    testing.TB
	name  string
	path  string
	args  []string
	dir   string
	env   []string // beside the few that every server gets
	ready func(context.Context) error
	stop  syscall.Signal // what Stop sends
	last  syscall.Signal // what the end of the test sends; SIGKILL for one without children

	cmd   *exec.Cmd
	done  chan struct{} // closed when the child has been waited for
	asked bool          // the child was told to end
}

// launch fills in the rest of p, starts it and ties it to the test.
func launch(p *Process) {
	p.tb.Helper()
	if p.path == "" {
		p.path = program(p.tb, p.name, p.name)
	}
	p.stop, p.last = cmp.Or(p.stop, syscall.SIGTERM), cmp.Or(p.last, syscall.SIGKILL)
	p.tb.Cleanup(p.finish)
	p.Start()
}

// PID returns the process's number.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Log returns all that the server has printed since it was first started.
func (p *Process) Log() string {
	p.tb.Helper()
	text, err := os.ReadFile(p.logFile())
	if err != nil {
		p.tb.Fatalf("read output of %s: %v", p.name, err)
	}
	return string(text)
}

// Write puts a file beside the configuration, or replaces it.
func (p *Process) Write(name, text string) {
	p.tb.Helper()
	path := filepath.Join(p.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		p.tb.Fatalf("write %s for %s: %v", name, p.name, err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		p.tb.Fatalf("write %s for %s: %v", name, p.name, err)
	}
}

// Start starts the server again after Kill or Stop, on the same ports and
// with the same files, and returns when it is ready.
func (p *Process) Start() {
	p.tb.Helper()
	if p.running() {
		p.tb.Fatalf("start %s: it runs already", p.name)
	}
	if err := p.spawn(); err != nil {
		p.tb.Fatalf("start %s: %v", p.name, err)
	}
	ctx, cancel := context.WithTimeout(p.tb.Context(), readyTimeout)
	defer cancel()
	if err := until(ctx, p.alive(p.ready)); err != nil {
		p.tb.Fatalf("start %s: %v", p.name, err)
	}
}

// Kill ends the server as kill -9 does, and waits until it is gone.
func (p *Process) Kill() {
	p.tb.Helper()
	p.end(syscall.SIGKILL)
}

// Stop asks the server to end in good order, and waits until it is gone.
func (p *Process) Stop() {
	p.tb.Helper()
	p.signal(syscall.SIGCONT)
	p.end(p.stop)
}

// Pause halts the server: its ports stay open and nothing answers. It returns
// when every thread has halted.
func (p *Process) Pause() {
	p.tb.Helper()
	p.signal(syscall.SIGSTOP)
	ctx, cancel := context.WithTimeout(p.tb.Context(), endTimeout)
	defer cancel()
	if err := until(ctx, p.alive(func(context.Context) error { return halted(p.PID()) })); err != nil {
		p.tb.Fatalf("pause %s: %v", p.name, err)
	}
}

// Resume lets a paused server go on.
func (p *Process) Resume() {
	p.tb.Helper()
	p.signal(syscall.SIGCONT)
}

func (p *Process) logFile() string { return filepath.Join(p.dir, p.name+".log") }

func (p *Process) running() bool {
	if p.done == nil {
		return false
	}
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}

// alive wraps a question to the server: there is no sense in asking a server
// that has ended.
func (p *Process) alive(ask func(context.Context) error) func(context.Context) error {
	return func(ctx context.Context) error {
		if !p.running() {
			return final{fmt.Errorf("it ended on its own: %s", p.cmd.ProcessState)}
		}
		return ask(ctx)
	}
}

func (p *Process) spawn() error {
	out, err := os.OpenFile(p.logFile(), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	cmd := exec.Command(p.path, p.args...)
	cmd.Dir = p.dir
	// Not the caller's environment: it may configure a server.
	cmd.Env = append([]string{"HOME=" + p.dir, "XDG_CONFIG_HOME=" + p.dir, "TMPDIR=" + p.dir}, p.env...)
	cmd.Stdout, cmd.Stderr = out, out
	cmd.SysProcAttr = attributes(p.last)

	started, done := make(chan error), make(chan struct{})
	go func() {
		// The child is tied to the thread that started it, not to the process.
		runtime.LockOSThread()
		defer out.Close()
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait() // how it ended is in cmd.ProcessState
			close(done)
		}
	}()
	if err := <-started; err != nil {
		return err
	}
	p.cmd, p.done, p.asked = cmd, done, false
	return nil
}

func (p *Process) signal(sig os.Signal) {
	p.tb.Helper()
	if err := p.cmd.Process.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
		p.tb.Fatalf("signal %s: %v", p.name, err)
	}
}

func (p *Process) end(sig os.Signal) {
	p.tb.Helper()
	if !p.running() && !p.asked {
		p.tb.Errorf("%s ended on its own: %s", p.name, p.cmd.ProcessState)
	}
	p.asked = true
	p.signal(sig)
	select {
	case <-p.done:
	case <-time.After(endTimeout):
		p.signal(syscall.SIGKILL)
		<-p.done
		p.tb.Errorf("%s did not end within %s of %s", p.name, endTimeout, sig)
	}
}

func (p *Process) finish() {
	if p.cmd != nil {
		p.end(p.last)
	}
	if p.tb.Failed() && p.cmd != nil {
		lines := strings.Split(strings.TrimSpace(p.Log()), "\n")
		last := lines[max(0, len(lines)-lastLines):]
		p.tb.Logf("last lines of %s:\n%s", p.name, strings.Join(last, "\n"))
	}
}
