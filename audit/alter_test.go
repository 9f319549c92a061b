package audit

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"pgregory.net/rapid"

	"github.com/autorollback/autorollback/record"
)

// Whatever is done to a journal's file, with whatever care for its chain, a head that was kept
// elsewhere tells.
func TestAnyAlterationIsFound(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "journal.jsonl")
	rapid.Check(t, func(t *rapid.T) {
		_ = os.Remove(path)
		j, err := OpenJournal(path, "a")
		if err != nil {
			t.Fatal(err)
		}
		names := rapid.SliceOfN(rapid.SampledFrom([]string{"ann", "bob", "<&\u202e\n"}), 1, 6).Draw(t, "names")
		for _, name := range names {
			if err := j.Append("inc-0123456789ab", record.Record{At: breach, Kind: "acted", By: name}); err != nil {
				t.Fatal(err)
			}
		}
		head := j.Head()
		_ = j.Close()
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		forged := forge(t, text)
		if bytes.Equal(forged, text) {
			return
		}
		if err := os.WriteFile(path, forged, 0o640); err != nil {
			t.Fatal(err)
		}
		v, err := VerifyJournal(path, kept(head))
		if grown := bytes.HasPrefix(forged, text); grown && err == nil && v.Anchored == head.Lines && v.Head.Lines > head.Lines {
			return // what follows a head that was kept is said not to be anchored
		}
		if err == nil {
			t.Fatalf("%+v was found in\n%s\nwhich was\n%s", v, forged, text)
		}
	})
}

func forge(t *rapid.T, text []byte) []byte {
	lines := bytes.SplitAfter(bytes.TrimSuffix(text, []byte("\n")), []byte("\n"))
	line := rapid.IntRange(0, len(lines)-1).Draw(t, "line")
	how := rapid.SampledFrom([]string{"flip", "cut", "drop", "double", "swap", "empty", "anew", "longer"}).Draw(t, "how")
	other := rapid.IntRange(0, len(lines)-1).Draw(t, "other")
	switch how {
	case "flip":
		at := rapid.IntRange(0, len(text)-1).Draw(t, "at")
		forged := bytes.Clone(text)
		forged[at] ^= 1 << rapid.IntRange(0, 7).Draw(t, "bit")
		return forged
	case "cut":
		return text[:rapid.IntRange(0, len(text)-1).Draw(t, "at")]
	case "empty":
		return nil
	case "drop":
		lines = append(lines[:line:line], lines[line+1:]...)
	case "double":
		lines = append(lines[:line+1:line+1], lines[line:]...)
	case "swap":
		lines[line], lines[other] = lines[other], lines[line]
	case "longer":
		lines = append(lines, lines...)
	}
	if how == "anew" || rapid.Bool().Draw(t, "chained") {
		return chained(t, lines, rapid.SampledFrom([]string{"ann", "bob", "eve"}).Draw(t, "name"), line)
	}
	return bytes.Join(lines, nil)
}

// chained puts a name into a line, and makes the chain right from there on.
func chained(t *rapid.T, lines [][]byte, name string, at int) []byte {
	var out []byte
	prev := ""
	for n, text := range lines {
		var l line
		if err := json.Unmarshal(text, &l); err != nil {
			t.Fatal(err)
		}
		if l.N, l.Prev = uint64(n)+1, prev; n == at {
			l.By = name
		}
		text, err := json.Marshal(l)
		if err != nil {
			t.Fatal(err)
		}
		prev = sum(text)
		out = append(append(out, text...), '\n')
	}
	return out
}
