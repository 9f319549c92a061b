package audit

import (
	"path/filepath"
	"testing"

	"github.com/autorollback/autorollback/record"
)

// What was seen in a store is read back in its order, from among other lines; a journal of before
// has none of it.
func TestJournalRemembersWhatWasSeen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal.jsonl")
	j := openJournal(t, path)
	write(t, j, 2)
	if seen, err := j.Seen(); err != nil || len(seen) != 0 {
		t.Fatalf("an older journal says %+v, %v", seen, err)
	}
	for _, s := range []record.Seen{
		{Installation: "x"},
		{Region: "eu", Release: &record.Release{ID: "r1", Epoch: 2, Phase: record.RolledBack}, Index: 7},
		{Quarantine: &record.Quarantine{Bundle: "sha256:2", Lifted: "by ada: fixed"}},
	} {
		if err := j.Append("", record.Record{At: breach, Kind: record.SeenKind, Text: "seen", Seen: &s}); err != nil {
			t.Fatal(err)
		}
		write(t, j, 1)
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	seen, err := openJournal(t, path).Seen()
	if err != nil || len(seen) != 3 || seen[0].Installation != "x" || seen[1].Region != "eu" || seen[1].Index != 7 ||
		seen[1].Release.Phase != record.RolledBack || seen[2].Quarantine.Lifted == "" {
		t.Errorf("remembers %+v, %v", seen, err)
	}
}
