package pipelines

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/autorollback/autorollback/test/servers"
)

// hooks is a repository with what is in this one, as pre-commit clones it, and its commit.
func hooks(t *testing.T) (path, commit string) {
	t.Helper()
	ours, f := folder{t: t, dir: root}, folder{t: t, dir: t.TempDir()}
	files := ours.must("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	for name := range strings.SplitSeq(strings.Trim(files, "\x00"), "\x00") {
		if strings.HasSuffix(name, "_test.go") || strings.Contains(name, "testdata/") {
			continue
		}
		info, err := os.Stat(filepath.Join(root, name))
		if os.IsNotExist(err) {
			continue // it was deleted, and that is not committed yet
		}
		if err != nil {
			t.Fatal(err)
		}
		f.write(name, ours.read(name))
		if err := os.Chmod(filepath.Join(f.dir, name), info.Mode().Perm()); err != nil {
			t.Fatal(err)
		}
	}
	f.commit()
	return f.dir, strings.TrimSpace(f.must("git", "rev-parse", "HEAD"))
}

// commit makes a repository of the folder, with everything in its first commit.
func (f folder) commit() {
	f.t.Helper()
	f.must("git", "init", "-q")
	f.must("git", "add", ".")
	f.must("git", "-c", "user.name=ann", "-c", "user.email=ann@ranking.test", "commit", "-q", "-m", "all")
}

// The configuration of the page holds up a commit whose rules are not the runbooks', with the real pre-commit.
func TestPreCommitHoldsUpWhatDiffers(t *testing.T) {
	servers.NotShort(t)
	path, commit := hooks(t)
	f := newService(t)
	config := block(t, "rev:")
	config = strings.Replace(config, "https://github.com/autorollback/autorollback", path, 1)
	config = strings.Replace(config, "rev: main", "rev: "+commit, 1)
	if !strings.Contains(config, path) || !strings.Contains(config, commit) {
		t.Fatalf("the page has another repository, or another revision:\n%s", config)
	}
	f.write(".pre-commit-config.yaml", config)
	f.commit()
	f.env = []string{"PRE_COMMIT_HOME=" + t.TempDir(), "PRE_COMMIT_COLOR=never"}

	if out := f.must("pre-commit", "run", "--all-files"); strings.Count(out, "Passed") != 2 {
		t.Errorf("not two hooks passed:\n%s", out)
	}
	f.edit("runbooks/ranker.yaml", "above: 5%", "above: 7%")
	f.must("git", "add", ".")
	if out, code := f.run("pre-commit", "run"); code != 1 || strings.Count(out, "Passed") != 1 || !strings.Contains(out, "exit code: 3") ||
		!strings.Contains(out, "autorollback.rules.yml:") {
		t.Errorf("other rules: exit code %d\n%s", code, out)
	}
	f.must(build.File(t), "rules", "generate", "runbooks/", "--rules-file=autorollback.rules.yml")
	f.edit("runbooks/ranker.yaml", "severity: severe", "severity: sever")
	f.must("git", "add", ".")
	if out, code := f.run("pre-commit", "run", "autorollback-runbooks"); code != 1 || !strings.Contains(out, `"sever" is unknown`) {
		t.Errorf("a mistake: exit code %d\n%s", code, out)
	}
	f.must("git", "rm", "-qf", "runbooks/ranker.yaml")
	f.write("runbooks/README", "none")
	if out, code := f.run("pre-commit", "run", "autorollback-rules"); code != 1 {
		t.Errorf("a runbook that was deleted: exit code %d\n%s", code, out)
	}
}
