//go:build unix

package secret

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func written(t *testing.T, text string, mode os.FileMode) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil { // past the umask
		t.Fatal(err)
	}
	return path
}

func TestModes(t *testing.T) {
	for _, c := range []struct {
		mode         os.FileMode
		group, owner string // what is said if the group may read, and if only the owner may; empty: nothing
	}{
		{0o600, "", ""}, {0o400, "", ""},
		{0o640, "", "may read it"}, {0o440, "", "may read it"},
		{0o644, "may read it", "may read it"}, {0o604, "may read it", "may read it"},
		{0o660, "may change it", "may read and change it"}, {0o620, "may change it", "may change it"},
		{0o602, "may change it", "may change it"}, {0o666, "may read and change it", "may read and change it"},
		{0o601, "may run it", "may run it"}, {0o777, "may read and change and run it", "may read and change and run it"},
	} {
		path := written(t, random, c.mode)
		for readers, want := range map[Readers]string{Group: c.group, Owner: c.owner} {
			_, err := Read(path, readers)
			if (err == nil) != (want == "") ||
				err != nil && (!strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "run: chmod 600 "+path)) {
				t.Errorf("mode %04o, %04o: %v; want %q", c.mode, readers, err, want)
			}
			if err != nil && strings.Contains(err.Error(), random) {
				t.Errorf("mode %04o: the error quotes the secret", c.mode)
			}
		}
	}
}

// As Kubernetes mounts a Secret: a link to a link, and the mode is that of the file. With an fsGroup the
// file belongs to root, and the daemon is in its group.
func TestLinksAreFollowed(t *testing.T) {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "..2026_11_29"), 0o755); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "..2026_11_29", "token")
	if err := os.WriteFile(file, []byte(random), 0o600); err != nil {
		t.Fatal(err)
	}
	for from, to := range map[string]string{"..data": "..2026_11_29", "token": "..data/token"} {
		if err := os.Symlink(to, filepath.Join(dir, from)); err != nil {
			t.Fatal(err)
		}
	}
	allowed := func(readers Readers, modes map[os.FileMode]bool) {
		t.Helper()
		for mode, ok := range modes {
			if err := os.Chmod(file, mode); err != nil {
				t.Fatal(err)
			}
			if err := Check(filepath.Join(dir, "token"), readers); (err == nil) != ok {
				t.Errorf("mode %04o: %v", mode, err)
			}
		}
	}
	allowed(Group, map[os.FileMode]bool{0o400: true, 0o440: true, 0o444: false, 0o644: false})
	if os.Geteuid() == 0 { // nobody else can give a file away
		if err := os.Chown(file, 1000, 1000); err != nil {
			t.Fatal(err)
		}
		allowed(Owner, map[os.FileMode]bool{0o440: true, 0o640: true, 0o460: false, 0o444: false})
	}
}

func TestWhatIsNoFile(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		pipe:                                  "is not a regular file",
		t.TempDir():                           "is not a regular file",
		"/dev/zero":                           "is not a regular file",
		filepath.Join(t.TempDir(), "nowhere"): "no such file",
		written(t, strings.Repeat("x", maxFile+1), 0o600): "more than 64 KiB",
	} {
		if _, err := Read(path, Group); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", path, err, want)
		}
	}
}
