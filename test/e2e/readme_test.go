package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/autorollback/autorollback/api"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/test/servers"
)

// The README's "Getting started", command by command as it stands there, in a copy of
// the repository. Only the ports are others, since several tests share this machine.
func TestGettingStarted(t *testing.T) {
	t.Parallel()
	w := newWalk(t)
	started := w.run(w.blocks[0])
	s := &stack{t: t, daemons: []*daemon{{t: t}}, prom: &servers.PrometheusServer{URL: "http://127.0.0.1:" + w.ports["9090"]}} // for its waits
	s.await("the commands to be done", 15*time.Minute, func() error { return w.done(started) })
	s.await("the versions to be seen side by side", 90*time.Second, func() error {
		return s.has(`count_over_time(autorollback_trigger_significance{trigger="error-rate"}[1m]) >= 3`) // it is scraped every 5 s
	})
	s.await("a clean bill of doctor", 30*time.Second, func() error { return w.doctor() })
	if out, err := w.program("doctor", "--fire"); err != nil || strings.Count(out, " ok ") != 3 {
		t.Errorf("doctor --fire: %v:\n%s", err, out)
	}
	w.breakIt()
	client := api.Client{URL: "http://127.0.0.1:" + w.ports["9095"]}
	var inc record.Incident
	s.await("a recovered incident", 3*time.Minute, func() error {
		all, err := client.Incidents(t.Context())
		if err != nil || len(all) != 1 {
			return fmt.Errorf("%d incidents, %v", len(all), err)
		}
		if inc = all[0]; inc.Phase != record.Done || inc.Verdict == nil {
			return fmt.Errorf("incident %s is %s", inc.ID, inc.Phase)
		}
		return nil
	})
	if inc.Verdict.Outcome != record.Recovered {
		t.Errorf("verdict %+v, want recovered", inc.Verdict)
	}
	text, err := s.fetch(http.DefaultClient, "http://127.0.0.1:"+w.ports["8500"]+"/v1/kv/routes/ranker/weights?raw")
	if err != nil {
		t.Fatal(err)
	}
	var doc struct{ Weights record.Split }
	if err := json.Unmarshal([]byte(text), &doc); err != nil || !doc.Weights.Equal(record.Split{"ranker-v1": 100}) {
		t.Errorf("the weights are %s, %v; want all on v1", text, err)
	}
	for _, command := range []string{"incident list", "incident show"} {
		if !strings.Contains(w.blocks[1], command) {
			t.Errorf("the README does not say %q any more", command)
		}
	}
	if _, err := os.Stat(filepath.Join(w.dir, "data/incidents", inc.ID, "incident.html")); err != nil {
		t.Errorf("evidence: %v", err)
	}
}

// A walk is a person who follows the README.
type walk struct {
	t      *testing.T
	dir    string
	blocks []string          // the section's shell blocks
	ports  map[string]string // as written → as used
	cmd    *exec.Cmd
	ended  chan struct{}
}

var shellBlock = regexp.MustCompile("(?s)```sh\n(.*?)```")

func newWalk(t *testing.T) *walk {
	w := &walk{t: t, dir: t.TempDir(), ports: map[string]string{}}
	for _, port := range []string{"8500", "9090", "9093", "9095", "9096", "7070", "8300", "8301", "8302"} {
		_, w.ports[port], _ = net.SplitHostPort(servers.FreeAddr(t))
	}
	w.copyTree("../..")
	text := w.read("README.md")
	_, section, ok := strings.Cut(text, "## Getting started")
	if !ok {
		t.Fatal("the README has no Getting started")
	}
	section, _, _ = strings.Cut(section, "\n## ")
	for _, m := range shellBlock.FindAllStringSubmatch(section, -1) {
		w.blocks = append(w.blocks, w.port(m[1]))
	}
	if len(w.blocks) < 2 {
		t.Fatalf("the README's Getting started has %d shell blocks, want one to start and one to break", len(w.blocks))
	}
	examples, err := filepath.Glob(filepath.Join(w.dir, "examples/*.yml"))
	if err != nil || len(examples) == 0 {
		t.Fatalf("no examples: %v", err)
	}
	for _, path := range examples {
		name, _ := filepath.Rel(w.dir, path)
		w.write(name, w.port(w.read(name)))
	}
	s := &stack{t: t}
	w.write("examples/runbooks/ranker.yaml", s.replace(w.read("examples/runbooks/ranker.yaml"), patient))
	return w
}

// copyTree copies what a clone has: no hidden folders, and nothing that was built.
func (w *walk) copyTree(root string) {
	w.t.Helper()
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		top := !strings.Contains(name, string(filepath.Separator))
		switch {
		case d.IsDir() && name != "." && (strings.HasPrefix(d.Name(), ".") || top && slices.Contains([]string{"bin", "data", "incidents"}, name)):
			return filepath.SkipDir
		case d.IsDir():
			return os.MkdirAll(filepath.Join(w.dir, name), 0o755)
		case !d.Type().IsRegular() || top && name == "autorollback":
			return nil
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(w.dir, name), text, info.Mode().Perm())
	})
	if err != nil {
		w.t.Fatalf("copy the repository: %v", err)
	}
}

// port puts free ports in the place of the README's.
func (w *walk) port(text string) string {
	for written, used := range w.ports {
		text = strings.ReplaceAll(text, ":"+written, ":"+used)
		text = strings.ReplaceAll(text, "="+written, "="+used)
	}
	return text
}

// run gives the commands to a shell. The shell stays until the test ends, and with it
// everything it started is ended.
func (w *walk) run(commands string) (done string) {
	w.t.Helper()
	done = filepath.Join(w.dir, "data", "all-commands-done")
	out, err := os.Create(filepath.Join(w.dir, "walk.log"))
	if err != nil {
		w.t.Fatal(err)
	}
	w.cmd = exec.Command("bash", "-c", "set -e\n"+commands+"\ntouch '"+done+"'\nwait\n")
	w.cmd.Dir, w.cmd.Stdout, w.cmd.Stderr = w.dir, out, out
	w.cmd.Env = append(os.Environ(), "PATH="+w.programs()+os.Getenv("PATH"))
	w.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	w.ended = make(chan struct{})
	if err := w.cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() {
		_ = syscall.Kill(-w.cmd.Process.Pid, syscall.SIGKILL) // the group: the shell is its leader
		<-w.ended
		out.Close()
		if w.t.Failed() {
			w.t.Logf("the shell and the daemon said:\n%s\n%s", w.last("walk.log"), w.last("data/autorollback.log"))
		}
	})
	go func() { _ = w.cmd.Wait(); close(w.ended) }()
	return done
}

// programs is the beginning of a PATH with the real servers.
func (w *walk) programs() string {
	w.t.Helper()
	path := ""
	for _, server := range []string{"consul", "prometheus", "alertmanager"} {
		out, err := exec.Command("../servers/build", "--path", server).Output()
		if err != nil {
			w.t.Fatalf("find %s: %v", server, err)
		}
		path += strings.TrimSpace(string(out)) + ":"
	}
	return path
}

func (w *walk) done(file string) error {
	if _, err := os.Stat(file); err == nil {
		return nil
	}
	select {
	case <-w.ended:
		w.t.Fatalf("a command failed: %s", w.cmd.ProcessState)
	default:
	}
	return fmt.Errorf("the shell is still busy: %s", w.last("walk.log"))
}

// breakIt runs the first command of the second block, which breaks the candidate.
func (w *walk) breakIt() {
	w.t.Helper()
	command, _, _ := strings.Cut(w.blocks[1], "\n")
	if !strings.Contains(command, "/break/") {
		w.t.Fatalf("the README's second block begins with %q, not with the breaking", command)
	}
	ctx, cancel := context.WithTimeout(w.t.Context(), 20*time.Second)
	defer cancel()
	if out, err := exec.CommandContext(ctx, "bash", "-c", command).CombinedOutput(); err != nil {
		w.t.Fatalf("%s: %v: %s", command, err, out)
	}
}

// doctor must find nothing in the installation of the README.
func (w *walk) doctor() error {
	out, err := w.program("doctor")
	if err != nil {
		return fmt.Errorf("%w:\n%s", err, out)
	}
	w.t.Logf("doctor says:\n%s", out)
	return nil
}

// program runs a command of autorollback that asks the daemon.
func (w *walk) program(args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(w.t.Context(), time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, filepath.Join(w.dir, "bin/autorollback"), append(args, "--url=http://127.0.0.1:"+w.ports["9095"])...).CombinedOutput()
	return string(out), err
}

func (w *walk) read(name string) string {
	w.t.Helper()
	text, err := os.ReadFile(filepath.Join(w.dir, name))
	if err != nil {
		w.t.Fatal(err)
	}
	return string(text)
}

// last is the end of a log, if there is one.
func (w *walk) last(name string) string {
	text, _ := os.ReadFile(filepath.Join(w.dir, name))
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return strings.Join(lines[max(0, len(lines)-20):], "\n")
}

func (w *walk) write(name, text string) {
	w.t.Helper()
	if err := os.WriteFile(filepath.Join(w.dir, name), []byte(text), 0o600); err != nil {
		w.t.Fatal(err)
	}
}
