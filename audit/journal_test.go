package audit

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/autorollback/autorollback/record"
)

func openJournal(t *testing.T, path string) *Journal {
	t.Helper()
	j, err := OpenJournal(path, "a")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = j.Close() })
	return j
}

func kept(h record.Head) Kept { return Kept{h, "a message"} }

func write(t *testing.T, j *Journal, n int) {
	t.Helper()
	for i := range n {
		if err := j.Append("inc-0123456789ab", record.Record{At: breach, Kind: "acted", Text: fmt.Sprintf("<step>\n%d \u202e", i), Op: "op"}); err != nil {
			t.Fatal(err)
		}
	}
}

func TestJournalContinues(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal.jsonl")
	j := openJournal(t, path)
	write(t, j, 3)
	if _, err := OpenJournal(path, "a"); err == nil || !strings.Contains(err.Error(), "another process writes it") {
		t.Errorf("a second writer was let in: %v", err)
	}
	head := j.Head()
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	j = openJournal(t, path)
	if j.Head() != head || j.Repaired() != 0 {
		t.Errorf("opened at %+v with %d bytes cut, want %+v and none", j.Head(), j.Repaired(), head)
	}
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() { write(t, j, 5) })
	}
	all.Wait()
	got, err := VerifyJournal(path, kept(head), kept(record.Head{}), kept(j.Head()))
	if err != nil || got.Head != j.Head() || got.Head.Lines != 43 || got.Anchored != 43 {
		t.Errorf("verified %+v, %v; want %+v", got, err, j.Head())
	}
}

// TestJournalTornTail cuts the file in many places, each side of a line's end among
// them, and fills tails with zeros: what
// was whole stays, what was not goes, and the chain goes on.
func TestJournalTornTail(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal.jsonl")
	j := openJournal(t, path)
	write(t, j, 2)
	_ = j.Close()
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	end := bytes.IndexByte(whole, '\n')
	for _, at := range []int{0, 1, 2, 40, end - 1, end, end + 1, end + 2, end + 60, len(whole) - 2, len(whole) - 1, len(whole)} {
		for _, tail := range []string{"", "\x00\x00\x00", "\x00\x00\n"} {
			torn := append(bytes.Clone(whole[:at]), tail...)
			good := bytes.LastIndexByte(whole[:at], '\n') + 1
			if err := os.WriteFile(path, torn, 0o640); err != nil {
				t.Fatal(err)
			}
			if _, err := VerifyJournal(path); (err == nil) != (good == len(torn)) {
				t.Fatalf("cut at %d+%q: verified with %v", at, tail, err)
			}
			j, err := OpenJournal(path, "a")
			if err != nil {
				t.Fatalf("cut at %d+%q: %v", at, tail, err)
			}
			if want := int64(len(torn) - good); j.Repaired() != want {
				t.Fatalf("cut at %d+%q: %d bytes repaired, want %d", at, tail, j.Repaired(), want)
			}
			write(t, j, 1)
			_ = j.Close()
			if h, err := VerifyJournal(path); err != nil || h.Head.Lines != uint64(bytes.Count(whole[:good], []byte("\n"))+1) {
				t.Fatalf("cut at %d+%q: %+v, %v", at, tail, h, err)
			}
		}
	}
}

// TestJournalAltered changes, drops, doubles and swaps lines: all is found, and
// opening touches nothing.
func TestJournalAltered(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal.jsonl")
	j := openJournal(t, path)
	write(t, j, 8)
	head := j.Head()
	_ = j.Close()
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(3, 4))
	for i := range 150 {
		lines := strings.SplitAfter(string(whole), "\n")[:8]
		what := alter(r, lines)
		text := strings.Join(lines, "")
		if text == string(whole) {
			continue
		}
		if err := os.WriteFile(path, []byte(text), 0o640); err != nil {
			t.Fatal(err)
		}
		if _, err := VerifyJournal(path, kept(head)); !errors.Is(err, ErrJournal) && !errors.Is(err, errTorn) {
			t.Fatalf("%d: %s was not found: %v\n%s", i, what, err, text)
		}
		if j, err := OpenJournal(path, "a"); err == nil {
			if what != "cut off" && what != "edit of the last line" { // only a head kept elsewhere shows these
				t.Fatalf("%d: %s was opened", i, what)
			}
			_ = j.Close()
		} else if left, _ := os.ReadFile(path); string(left) != text {
			t.Fatalf("%d: %s: the file was touched", i, what)
		}
	}
}

func alter(r *rand.Rand, lines []string) string {
	i, k := r.IntN(8), r.IntN(8)
	switch r.IntN(5) {
	case 0:
		at := r.IntN(len(lines[i]) - 1)
		lines[i] = lines[i][:at] + string("x0 \"}"[r.IntN(5)]) + lines[i][at+1:]
		if i == 7 {
			return "edit of the last line"
		}
		return "edit"
	case 1:
		if i == 7 {
			lines[i] = ""
			return "cut off"
		}
		lines[i] = ""
		return "drop"
	case 2:
		lines[i] += lines[i]
		return "double"
	case 3:
		lines[i], lines[k] = lines[k], lines[i]
		return "swap"
	}
	for n := i; n < 8; n++ {
		lines[n] = ""
	}
	return "cut off"
}

// TestJournalRewritten shows what the chain alone cannot: a journal written anew from
// the start is right in itself, and only a head kept elsewhere tells.
func TestJournalRewritten(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal.jsonl")
	j := openJournal(t, path)
	write(t, j, 3)
	head := j.Head()
	_ = errors.Join(j.Close(), os.Remove(path))
	j = openJournal(t, path)
	for range 5 {
		if err := j.Append("", record.Record{Kind: "forged"}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := VerifyJournal(path); err != nil {
		t.Error(err)
	}
	if _, err := VerifyJournal(path, kept(head)); !errors.Is(err, ErrJournal) {
		t.Errorf("the known head was not missed: %v", err)
	}
}

// TestJournalKilled lets this test's own program write a journal and kills it, again
// and again: no line it reported is lost, and the chain holds.
func TestJournalKilled(t *testing.T) {
	if path := os.Getenv("REPORT_JOURNAL"); path != "" {
		j, err := OpenJournal(path, "a")
		for err == nil {
			if err = j.Append("inc-0123456789ab", record.Record{At: breach, Kind: "acted", Text: strings.Repeat("x", 3000)}); err == nil {
				_, err = fmt.Println("reported", j.Head().Lines)
			}
		}
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "journal.jsonl")
	var last uint64
	for round := range 8 {
		reported := killed(t, path, 5+round)
		_, err := VerifyJournal(path)
		if err != nil && !errors.Is(err, errTorn) {
			t.Fatal(err)
		}
		j := openJournal(t, path)
		if head := j.Head(); head.Lines < reported || head.Lines <= last {
			t.Fatalf("round %d: %d lines were reported, the journal has %d", round, reported, head.Lines)
		}
		last = j.Head().Lines
		_ = j.Close()
	}
}

// killed runs the writer until it has reported some lines and kills it; it returns
// the number of the last line that was reported.
func killed(t *testing.T, path string, lines int) uint64 {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestJournalKilled$")
	cmd.Env = append(os.Environ(), "REPORT_JOURNAL="+path)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var n uint64
	for range lines {
		if _, err := fmt.Fscanf(out, "reported %d\n", &n); err != nil {
			t.Fatal(err)
		}
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	for {
		var more uint64
		if _, err := fmt.Fscanf(out, "reported %d\n", &more); err != nil {
			break
		}
		n = more
	}
	_, _ = io.Copy(io.Discard, out)
	_ = cmd.Wait()
	return n
}

func TestJournalAppendsSeveralAtOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal.jsonl")
	j, err := OpenJournal(path, "a")
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	if err := j.Append("inc-0123456789ab"); err != nil {
		t.Errorf("append nothing: %v", err)
	}
	if err := j.Append("inc-0123456789ab", record.Record{Kind: "confirmed"}, record.Record{Kind: "decided"}, record.Record{Kind: "acted"}); err != nil {
		t.Fatal(err)
	}
	long := record.Record{Kind: "long", Text: strings.Repeat("x", maxLine)}
	if err := j.Append("inc-0123456789ab", record.Record{Kind: "drained"}, long); err == nil {
		t.Error("a record that is too long was taken")
	}
	v, err := VerifyJournal(path, kept(j.Head()))
	if err != nil || v.Head.Lines != 3 {
		t.Errorf("verify: %v, %d lines; want 3: all of the first call and none of the second", err, v.Head.Lines)
	}
}

// What became of alerts is read back, and nothing else, also of a journal with a torn end.
func TestJournalRemembersAlerts(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal.jsonl")
	j := openJournal(t, path)
	for n := range 4 {
		r := record.AlertResult{At: breach.AddDate(0, 0, n), Service: "ranker", Trigger: "errors", Outcome: record.NotTrue, Count: 1}
		if err := j.Append("", record.Record{At: r.At, Kind: record.AlertKind, Text: r.Words(), Alert: &r}); err != nil {
			t.Fatal(err)
		}
		write(t, j, 1)
	}
	text, err := os.ReadFile(path)
	if err := errors.Join(err, j.Close(), os.WriteFile(path, append(text, `{"n":9`...), 0o600)); err != nil {
		t.Fatal(err)
	}
	got, err := openJournal(t, path).Alerts(breach.AddDate(0, 0, 1))
	if err != nil || len(got) != 3 || !got[0].At.Equal(breach.AddDate(0, 0, 1)) || got[2].Outcome != record.NotTrue {
		t.Errorf("remembers %+v, %v", got, err)
	}
}

// A journal that cannot be gone on with is kept, and a new one begun: whoever breaks the file does not
// stop the daemon.
func TestAnAlteredJournalIsSetAside(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal.jsonl")
	j := openJournal(t, path)
	write(t, j, 3)
	_ = j.Close()
	for n, spoil := range []func() error{
		func() error { return os.WriteFile(path, []byte("{}\n{}\n"), 0o640) },
		func() error { return errors.Join(os.Remove(path), os.Symlink("/dev/zero", path)) },
	} {
		if err := spoil(); err != nil {
			t.Fatal(err)
		}
		j, altered, err := SetAside(path, "a", breach.AddDate(0, 0, n))
		if err != nil || altered == "" || j.Head().Lines != 0 {
			t.Fatalf("%v, %q", err, altered)
		}
		write(t, j, 1)
		_ = j.Close()
	}
	kept, err := filepath.Glob(path + ".altered-*")
	if err != nil || len(kept) != 2 {
		t.Fatalf("kept: %v, %v", kept, err)
	}
	if text, err := os.ReadFile(kept[0]); err != nil || string(text) != "{}\n{}\n" {
		t.Errorf("kept %q, %v", text, err)
	}
	j, altered, err := SetAside(path, "a", breach)
	if err != nil || altered != "" || j.Head().Lines != 1 {
		t.Errorf("one that is right was not gone on with: %v, %q", err, altered)
	}
	_ = j.Close()
}
