package recording

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/autorollback/autorollback/shadow"
	"github.com/autorollback/autorollback/test/ranker"
)

func TestPairsAreWrittenOnceAndReadBack(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pairs.jsonl")
	first := shadow.Run{Ended: true}
	if err := WritePairs(path, shadow.PairHeader{Kind: "join"}, ranker.New(1, 50).Pairs(), &first); err != nil {
		t.Fatal(err)
	}
	pairs, run := pairsOf(t, path)
	if len(pairs) != 50 || !run.Ended || pairs[3].Again == nil {
		t.Errorf("%d pairs, %+v", len(pairs), run)
	}
	if err := WritePairs(path, shadow.PairHeader{}, ranker.New(1, 1).Pairs(), &run); !errors.Is(err, os.ErrExist) {
		t.Errorf("written over: %v", err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.SplitAfter(string(text), "\n")
	ranker.WriteFile(t, path, strings.Join(lines[:20], "")+"torn\n"+strings.Join(lines[20:30], ""))
	var bad shadow.Bad
	n, unfinished := 0, shadow.Run{}
	for _, err := range ReadPairs(path, &unfinished, nil) {
		if err == nil {
			n++
		} else if !bad.Note(err) {
			t.Fatal(err)
		}
	}
	if n != 29 || bad.Count != 1 || !strings.Contains(bad.First[0], "pairs.jsonl:21: ") || unfinished.Ended {
		t.Errorf("%d pairs, %+v, %+v", n, bad, unfinished)
	}
	ranker.WriteFile(t, path, `{"id":"1"}`+"\n")
	for _, err := range ReadPairs(path, &run, nil) {
		if err == nil || !strings.Contains(err.Error(), "is no file of pairs") {
			t.Errorf("another file: %v", err)
		}
	}
}

// What a stop left behind a last whole line is cut off, whatever it looks like.
func TestATornLastLineIsCutOff(t *testing.T) {
	header := shadow.PairHeader{Schema: shadow.SchemaPairs, Kind: "replay", Permyriad: 500}
	var whole strings.Builder
	for _, v := range []any{header, shadow.Pair{ID: "a"}, shadow.Pair{ID: "b"}} {
		if err := WriteLine(&whole, v); err != nil {
			t.Fatal(err)
		}
	}
	for name, tail := range map[string]string{
		"nothing": "", "half a pair": `{"id":"c","stable":{"sta`, "a pair without its line end": `{"id":"c"}`, "a long one": `{"id":"` + strings.Repeat("x", 5000),
		"zeros": strings.Repeat("\x00", 4096), "a broken line and more": "{]\n" + `{"id":"d"}` + "\n",
	} {
		path := filepath.Join(t.TempDir(), "pairs.jsonl")
		ranker.WriteFile(t, path, whole.String()+tail)
		f, p, err := OpenPairs(path, header)
		if err != nil {
			t.Fatal(name, err)
		}
		if err := WriteLine(f, shadow.Pair{ID: "c"}); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		pairs, _ := pairsOf(t, path)
		if p.Done != 2 || p.Last != "b" || p.Ended != nil || len(pairs) != 3 || pairs[2].ID != "c" {
			t.Errorf("%s: %+v, then %d pairs", name, p, len(pairs))
		}
	}
}

func FuzzReadPairs(f *testing.F) {
	f.Add([]byte(`{"schema":"autorollback/shadow-pairs/1"}` + "\n" + `{"id":"1","stable":{"status":200},"candidate":{}}` + "\n" + `{"run":{"ended":true}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		var run shadow.Run
		for p, err := range readPairs(bytes.NewReader(text), "fuzz", &run) {
			if err == nil && p.ID == "" {
				t.Error("a pair without id")
			}
		}
	})
}

func pairsOf(t *testing.T, path string) (pairs []shadow.Pair, run shadow.Run) {
	t.Helper()
	for p, err := range ReadPairs(path, &run, nil) {
		if err != nil {
			t.Fatal(err)
		}
		pairs = append(pairs, p)
	}
	return pairs, run
}
