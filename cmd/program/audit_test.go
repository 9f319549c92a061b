package program

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/autorollback/autorollback/audit"
	"github.com/autorollback/autorollback/cmd/internal/cli"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/view"
)

// daemonThatSays is the API of a daemon: its status, and its incidents.
func daemonThatSays(t *testing.T, st view.Status) string {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/api/v1/status" {
			_ = json.NewEncoder(w).Encode(map[string]any{"status": "success", "data": st})
			return
		}
		for _, i := range st.Incidents {
			if r.URL.Path == "/api/v1/incidents/"+i.ID {
				_ = json.NewEncoder(w).Encode(map[string]any{"status": "success", "data": i})
				return
			}
		}
		w.WriteHeader(http.StatusNotFound)
		_ = json.NewEncoder(w).Encode(map[string]any{"status": "error", "errorType": "not_found", "error": "not here"})
	}))
	t.Cleanup(srv.Close)
	return srv.URL
}

func told(t *testing.T, args ...string) (string, int) {
	t.Helper()
	var out strings.Builder
	err := run(t.Context(), args, nil, &out, &out)
	if err != nil {
		fmt.Fprintln(&out, err)
	}
	return out.String(), cli.ExitCode(err)
}

const nobody = "http://127.0.0.1:1" // no daemon is there

// journal writes a journal of n lines, each by a name.
func journal(t *testing.T, path, name string, n int) (head record.Head) {
	t.Helper()
	j, err := audit.OpenJournal(path, "a")
	if err != nil {
		t.Fatal(err)
	}
	for range n {
		if err := j.Append("inc-0123456789ab", record.Record{Kind: "acted", By: name}); err != nil {
			t.Fatal(err)
		}
	}
	head = j.Head()
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	return head
}

// A journal is compared with what the store and messages have of it; without any of that nothing
// says that it is whole, and it is not said.
func TestAuditVerify(t *testing.T) {
	cut := func(text []byte) []byte { return text[:bytes.LastIndexByte(text[:len(text)-1], '\n')+1] }
	for name, c := range map[string]struct {
		alter   func(path string, text []byte) error // nil: nothing
		anchors func(head, half record.Head) view.Status
		nobody  bool
		head    bool // --head has the whole one
		args    []string
		says    string
		code    int
	}{
		"as it was":            {says: "anchored up to line 4, by: the store's anchor of a, incident inc-1", code: cli.ExitOK},
		"emptied":              {alter: func(p string, _ []byte) error { return os.WriteFile(p, nil, 0o640) }, says: "has its line", code: cli.ExitWanting},
		"cut by one line":      {alter: func(p string, text []byte) error { return os.WriteFile(p, cut(text), 0o640) }, says: "has its line 4, and it has 3 lines", code: cli.ExitWanting},
		"another name":         {alter: func(p string, _ []byte) error { return errors.Join(os.Remove(p), rewrite(t, p, "eve", 4)) }, says: "line 2 is not the one that incident inc-1 has", code: cli.ExitWanting},
		"another name, longer": {alter: func(p string, _ []byte) error { return errors.Join(os.Remove(p), rewrite(t, p, "eve", 40)) }, says: "line 2 is not the one that incident inc-1 has", code: cli.ExitWanting},
		"a link to another":    {alter: func(p string, _ []byte) error { return errors.Join(os.Rename(p, p+"2"), os.Symlink(p+"2", p)) }, says: "not a plain file", code: cli.ExitWanting},
		"a link to zeros":      {alter: func(p string, _ []byte) error { return errors.Join(os.Remove(p), os.Symlink("/dev/zero", p)) }, says: "not a plain file", code: cli.ExitWanting},
		"lines not anchored":   {anchors: func(_, half record.Head) view.Status { return anchoredAt(half) }, says: "not anchored: what follows it, up to line 4", code: cli.ExitOK},
		"nobody to ask":        {nobody: true, says: "is not anchored: nothing that was kept elsewhere says", code: cli.ExitUnclear},
		"nobody, emptied":      {nobody: true, alter: func(p string, _ []byte) error { return os.WriteFile(p, nil, 0o640) }, says: "is not anchored", code: cli.ExitUnclear},
		"nobody, a message":    {nobody: true, head: true, says: "anchored up to line 4, by: --head", code: cli.ExitOK},
		"a message, emptied":   {nobody: true, head: true, alter: func(p string, _ []byte) error { return os.WriteFile(p, nil, 0o640) }, says: "--head has its line 4", code: cli.ExitWanting},
		"no anchor":            {anchors: func(_, _ record.Head) view.Status { return view.Status{Replica: "a"} }, says: `has no head of the journal of "a"`, code: cli.ExitUnclear},
		"another's journal":    {args: []string{"--replica", "c"}, says: `has no head of the journal of "c"`, code: cli.ExitUnclear},
		"only the message's":   {args: []string{"--replica", "c"}, head: true, says: "anchored up to line 4, by: --head", code: cli.ExitOK},
		"lost before": {anchors: func(head, _ record.Head) view.Status {
			st := anchoredAt(head)
			st.Anchors[0].Lost = []record.LostHead{{Head: record.Head{Lines: 3, Digest: head.Digest}, FoundAt: time.Now()}}
			return st
		}, says: "line 3 is not the one that the store's anchor of a, found to be lost at", code: cli.ExitWanting},
		"no head": {args: []string{"--head", "4"}, says: `"4" is no head of a journal`, code: cli.ExitUsage},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "journal.jsonl")
			half := journal(t, path, "ann", 2)
			head := journal(t, path, "bob", 2)
			st := anchoredAt(head)
			st.Incidents = []record.Incident{{ID: "inc-1", Anchors: []record.Anchor{{Replica: "a", Head: half}, {Replica: "b", Head: record.Head{Lines: 9, Digest: "00"}}}}}
			if c.anchors != nil {
				st = c.anchors(head, half)
			}
			args := append([]string{"audit", "verify", path}, c.args...)
			if c.head {
				args = append(args, "--head", head.String())
			}
			if c.nobody {
				args = append(args, "--url", nobody)
			} else {
				args = append(args, "--url", daemonThatSays(t, st))
			}
			if c.alter != nil {
				text, err := os.ReadFile(path)
				if err := errors.Join(err, c.alter(path, text)); err != nil {
					t.Fatal(err)
				}
			}
			out, code := told(t, args...)
			if code != c.code || !strings.Contains(out, c.says) || strings.Contains(out, "whole") {
				t.Errorf("code %d, want %d and %q:\n%s", code, c.code, c.says, out)
			}
		})
	}
}

// With the public key, heads of the store count only if the key signed them.
func TestAuditVerifyWithAKey(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"key", "other"} {
		if out, err := exec.CommandContext(t.Context(), "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", filepath.Join(dir, name)).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	path := filepath.Join(dir, "journal.jsonl")
	journal(t, path, "ann", 3)
	signer, err := audit.LoadSigner(filepath.Join(dir, "key"))
	if err != nil {
		t.Fatal(err)
	}
	j, err := audit.OpenJournal(path, "a")
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	j.SignWith(signer)
	anchor := j.Anchor()
	for name, c := range map[string]struct {
		key    string
		change func(*record.Anchor)
		says   string
		code   int
	}{
		"signed":              {"key", func(*record.Anchor) {}, "anchored up to line 3", cli.ExitOK},
		"another key":         {"other", func(*record.Anchor) {}, "none of the keys made this signature", cli.ExitWanting},
		"another digest":      {"key", func(a *record.Anchor) { a.Digest = strings.Repeat("0", 64) }, "none of the keys made this signature", cli.ExitWanting},
		"the signature taken": {"key", func(a *record.Anchor) { a.Signature = "" }, "is not anchored", cli.ExitUnclear},
		"a private key":       {"", func(*record.Anchor) {}, "not a public key", cli.ExitError},
	} {
		a := anchor
		c.change(&a)
		key := filepath.Join(dir, c.key+".pub")
		if c.key == "" {
			key = filepath.Join(dir, "key")
		}
		url := daemonThatSays(t, view.Status{Replica: "a", Anchors: []record.Anchor{a}})
		out, code := told(t, "audit", "verify", path, "--url", url, "--key", key)
		if code != c.code || !strings.Contains(out, c.says) {
			t.Errorf("%s: code %d, want %d and %q:\n%s", name, code, c.code, c.says, out)
		}
	}
}

// The status says of a journal that it was altered.
func TestReleaseStatusNamesAlteredJournals(t *testing.T) {
	st := anchoredAt(record.Head{Lines: 3, Digest: "00"})
	st.Anchors[0].Lost = []record.LostHead{{Head: record.Head{Lines: 17, Digest: "00"}}}
	out, code := told(t, "release", "status", "--url", daemonThatSays(t, st))
	if code != cli.ExitOK || !strings.Contains(out, "the journal of a was truncated or rewritten") || strings.Contains(out, "journal of b") {
		t.Errorf("code %d:\n%s", code, out)
	}
}

func anchoredAt(h record.Head) view.Status {
	return view.Status{Replica: "a", Anchors: []record.Anchor{{Replica: "a", Head: h}, {Replica: "b", Head: record.Head{Lines: 9, Digest: "00"}}}}
}

func rewrite(t *testing.T, path, name string, n int) error {
	t.Helper()
	journal(t, path, name, n)
	return nil
}

// An evidence folder is compared with what the store and the message have of its manifest.
func TestIncidentCheck(t *testing.T) {
	const id = "inc-0123456789ab"
	inc := record.Incident{ID: id, Service: "ranker", OpenedAt: time.Now()}
	type world struct {
		home, digest string
		folder       audit.Folder
	}
	forge := func(w world) error {
		path := filepath.Join(w.home, "MANIFEST.sha256")
		text, err := os.ReadFile(path)
		page := filepath.Join(w.home, "incident.md")
		err = errors.Join(err, os.Chmod(page, 0o644), os.WriteFile(page, []byte("all was well"), 0o644), os.Chmod(path, 0o644))
		return errors.Join(err, os.WriteFile(path, bytes.ReplaceAll(text, hashOf("page"), hashOf("all was well")), 0o644))
	}
	for name, c := range map[string]struct {
		alter   func(w world) error
		store   func(w world, inc *record.Incident)
		nobody  bool
		message bool
		check   string // the folder, if not the first
		says    string
		code    int
	}{
		"as it was":               {says: "is as it was sealed, says the store", code: cli.ExitOK},
		"and so says the message": {message: true, says: "is as it was sealed, says --digest and the store", code: cli.ExitOK},
		"an altered page": {alter: func(w world) error {
			return errors.Join(os.Remove(w.home+"/incident.md"), os.WriteFile(w.home+"/incident.md", []byte("x"), 0o444))
		}, says: "incident.md: altered", code: cli.ExitWanting},
		"page and manifest":                 {alter: forge, says: "MANIFEST.sha256: is sha256:", code: cli.ExitWanting},
		"page and manifest, by the message": {alter: forge, nobody: true, message: true, says: "--digest has sha256:", code: cli.ExitWanting},
		"page and manifest, nobody to ask":  {alter: forge, nobody: true, says: "is not anchored", code: cli.ExitUnclear},
		"nobody to ask":                     {nobody: true, says: "is not anchored", code: cli.ExitUnclear},
		"a message":                         {nobody: true, message: true, says: "is as it was sealed, says --digest", code: cli.ExitOK},
		"a partial file":                    {alter: func(w world) error { return os.WriteFile(w.home+"/.partial-x", nil, 0o444) }, says: ".partial-x: not in the manifest", code: cli.ExitWanting},
		"the store has no digest":           {store: func(_ world, i *record.Incident) { i.EvidenceDigest = "" }, says: "it is not sealed, or an older version sealed it", code: cli.ExitUnclear},
		"unknown to the store":              {store: func(_ world, i *record.Incident) { i.ID = "inc-000000000000" }, says: "does not know the incident", code: cli.ExitUnclear},
		"the manifest of another": {alter: func(w world) error {
			path := filepath.Join(w.home, "MANIFEST.sha256")
			text, err := os.ReadFile(path)
			return errors.Join(err, os.Chmod(path, 0o644), os.WriteFile(path, bytes.ReplaceAll(text, []byte(id), []byte("inc-000000000000")), 0o644))
		}, says: "is of inc-000000000000", code: cli.ExitWanting},
		"a second incident of the id": {alter: func(w world) error { return second(w.folder, inc) }, store: func(w world, i *record.Incident) { i.Evidence, i.EvidenceDigest = w.home+".2", "sha256:2" },
			says: "the store has the digest of " + id + ".2, another incident of the same id", code: cli.ExitUnclear},
		"the first, by its message": {alter: func(w world) error { return second(w.folder, inc) }, store: func(w world, i *record.Incident) { i.Evidence, i.EvidenceDigest = w.home+".2", "sha256:2" },
			message: true, says: "also kept under this id: ", code: cli.ExitOK},
	} {
		t.Run(name, func(t *testing.T) {
			f := audit.Folder{Dir: t.TempDir()}
			home, digest, err := f.Seal(inc, 0, map[string][]byte{"incident.md": []byte("page")})
			if err != nil {
				t.Fatal(err)
			}
			w := world{home, digest, f}
			stored := inc
			stored.Evidence, stored.EvidenceDigest = home, digest
			if c.store != nil {
				c.store(w, &stored)
			}
			if c.alter != nil {
				if err := c.alter(w); err != nil {
					t.Fatal(err)
				}
			}
			args := []string{"incident", "check", home, "--url", nobody}
			if !c.nobody {
				args[4] = daemonThatSays(t, view.Status{Incidents: []record.Incident{stored}})
			}
			if c.message {
				args = append(args, "--digest", digest)
			}
			out, code := told(t, args...)
			if code != c.code || !strings.Contains(out, c.says) || code != cli.ExitOK && strings.Contains(out, "as it was sealed") {
				t.Errorf("code %d, want %d and %q:\n%s", code, c.code, c.says, out)
			}
		})
	}
}

func hashOf(text string) []byte { return fmt.Appendf(nil, "%x", sha256.Sum256([]byte(text))) }

func second(f audit.Folder, inc record.Incident) error {
	inc.OpenedAt = inc.OpenedAt.Add(time.Hour)
	_, _, err := f.Seal(inc, 0, map[string][]byte{"incident.md": []byte("two")})
	return err
}
