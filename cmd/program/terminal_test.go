package program

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"
)

// terminal is a real one: what is written to it can be read from keyboard's side.
func terminal(t *testing.T) (screen, person *os.File) {
	t.Helper()
	person, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { person.Close() })
	var unlock, number int32
	for request, at := range map[uintptr]*int32{syscall.TIOCSPTLCK: &unlock, syscall.TIOCGPTN: &number} {
		if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, person.Fd(), request, uintptr(unsafe.Pointer(at))); errno != 0 {
			t.Fatal(errno)
		}
	}
	screen, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { screen.Close() })
	return screen, person
}

// On a terminal states have colours and a watch draws its picture again in the same place, with the time below
// it; NO_COLOR and --color=never take the colours away and nothing else.
func TestOnATerminal(t *testing.T) {
	t.Setenv("TERM", "xterm")
	for name, c := range map[string]struct {
		noColor, args string
		colours       bool
	}{
		"as it comes":   {"", "", true},
		"NO_COLOR":      {"1", "", false},
		"--color=never": {"", " --color=never", false},
		"--no-color":    {"", " --no-color", false},
	} {
		t.Setenv("NO_COLOR", c.noColor)
		screen, person := terminal(t)
		first, second := ramping(5), ramping(25)
		ctx, stop := context.WithTimeout(t.Context(), time.Minute)
		url := states(t, stop, &first, &first, nil, &second)
		seen := make(chan string)
		go func() {
			var text bytes.Buffer
			_, _ = text.ReadFrom(person) // an error once the screen is closed
			seen <- text.String()
		}()
		err := run(ctx, strings.Fields("watch --every=1ms --url "+url+c.args), nil, screen, screen)
		stop()
		screen.Close()
		text := <-seen
		if err != nil || strings.Contains(text, "\x1b[33mpaused\x1b[0m") != c.colours || strings.Contains(text, "\x1b[3") != c.colours {
			t.Errorf("%s: %v, colours in %q", name, err, text)
		}
		pictures := strings.Split(text, "\x1b[H")[1:]
		if len(pictures) < 4 || !strings.Contains(pictures[0], "v2 5%") || !strings.Contains(pictures[0], "  Ctrl-C ends\x1b[K") || !strings.HasSuffix(pictures[0], "\x1b[J") {
			t.Fatalf("%s: %q", name, pictures)
		}
		if lost := pictures[2]; !strings.Contains(lost, "v2 5%") || !strings.Contains(lost, "503") || !strings.Contains(lost, "the last answer is shown above") {
			t.Errorf("%s: while it does not answer: %q", name, lost)
		}
		if last := pictures[len(pictures)-1]; !strings.Contains(last, "v2 25%") || strings.Contains(last, "503") {
			t.Errorf("%s: %q", name, last)
		}
	}
}
