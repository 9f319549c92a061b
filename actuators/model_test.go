package actuators

import (
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/store"
)

// drawSplit draws shares of the backends that sum to 100.
func drawSplit(t *rapid.T, backends []string) record.Split {
	to, left := record.Split{}, runbook.All
	for _, b := range backends[1:] {
		to[b] = runbook.RoundWeight(float64(rapid.IntRange(0, left.Hundredths()).Draw(t, b)) / 100)
		left = runbook.RoundWeight(float64(left - to[b]))
	}
	to[backends[0]] = left
	return to
}

// drawTree draws a Traefik tree of n backends, some of them children: with gaps, in
// any case, with missing and unreadable weights.
func drawTree(t *rapid.T, backends []string) store.Snapshot {
	var pairs []string
	spell := rapid.SampledFrom([]func(string) string{strings.ToLower, strings.ToUpper, strings.ToTitle})
	indexes := rapid.Permutation([]int{0, 1, 2, 3, 7, 10, 11, 20}).Draw(t, "indexes")
	for i, b := range backends {
		pairs = append(pairs, "traefik/http/services/"+b+"/loadbalancer/servers/0/url", "http://"+b)
		if !rapid.Bool().Draw(t, "child") {
			continue
		}
		folder := fmt.Sprintf("traefik/http/services/ranker/weighted/services/%d/", indexes[i])
		pairs = append(pairs, folder+spell.Draw(t, "case")("name"), b)
		if rapid.Bool().Draw(t, "weight") {
			pairs = append(pairs, folder+spell.Draw(t, "case")("weight"), rapid.SampledFrom([]string{"0", "1", "50", "100", "007", "95\n", "2.5", "", "-3"}).Draw(t, "w"))
		}
	}
	return tree(pairs...)
}

func drawFlags(t *rapid.T) []FlagDoc {
	var docs []FlagDoc
	for _, v := range []string{"v1", "v2"} {
		if rapid.Bool().Draw(t, "flags") {
			docs = append(docs, FlagDoc{Version: v, Bundle: "sha256:" + v, Flags: map[string]any{"encoder": v, "on": true, "n": 1.5}, Serving: rapid.Bool().Draw(t, "serving")})
		}
	}
	return docs
}

func TestPlanReachesItsSplitAndChecksAllItRestsOn(t *testing.T) {
	backends := []string{"model-a", "model-b", "model-c", "model-d"}
	routers := map[string]Router{"traefik": router(t, traefikRouting), "json": router(t, jsonRouting)}
	rapid.Check(t, func(t *rapid.T) {
		kind := rapid.SampledFrom([]string{"traefik", "json"}).Draw(t, "router")
		r := routers[kind]
		snap := drawTree(t, backends)
		if kind == "json" {
			snap = drawDocument(t, backends)
		}
		for range rapid.IntRange(1, 3).Draw(t, "steps") {
			to, flags := drawSplit(t, backends), drawFlags(t)
			snap = step(t, r, snap, to, flags)
		}
	})
}

func step(t *rapid.T, r Router, snap store.Snapshot, to record.Split, flags []FlagDoc) store.Snapshot {
	change, ops, err := r.Plan(snap, to, flags)
	if err != nil {
		t.Fatal(err)
	}
	after, err := commit(snap, ops)
	if err != nil {
		t.Fatalf("the plan does not fit its own snapshot: %v", err)
	}
	got, err := r.Decode(after)
	if err != nil || !got.Equal(to) || got.Sum() != 100 {
		t.Fatalf("after the plan: %v, %v; want %v", got, err, to)
	}
	conflicts(t, snap, ops)
	keysTellTheOps(t, snap, change, ops)
	again, more, err := r.Plan(after, to, flags)
	if err != nil || len(again.Keys) != 0 || len(more) != len(ops) {
		t.Fatalf("a second plan of the same is not empty: %v %v %v", again, more, err)
	}
	return after
}

// conflicts lets somebody else touch each key of the plan in turn.
func conflicts(t *rapid.T, snap store.Snapshot, ops []store.Op) {
	for _, op := range ops {
		e, _ := snap.Get(op.Key)
		touched := with(snap, op.Key, string(e.Value)+"x")
		if _, err := commit(touched, ops); !errors.Is(err, store.ErrConflict) {
			t.Fatalf("%s was changed in between and the plan was applied: %v", op.Key, err)
		}
	}
	// Every key of the group is in the plan.
	for _, e := range snap.Under("traefik/http/services/ranker/") {
		if !strings.EqualFold(folderOf(folderOf(e.Key)[:len(folderOf(e.Key))-1]), "traefik/http/services/ranker/weighted/services/") {
			continue
		}
		found := false
		for _, op := range ops {
			found = found || op.Key == e.Key && op.Index == e.Index
		}
		if !found {
			t.Fatalf("%s is neither written nor checked", e.Key)
		}
	}
}

func keysTellTheOps(t *rapid.T, snap store.Snapshot, change record.Change, ops []store.Op) {
	var want []record.KeyChange
	for _, op := range ops {
		if op.Verb == store.Delete {
			t.Fatalf("a plan deletes %s", op.Key)
		}
		if op.Verb == store.Set {
			e, _ := snap.Get(op.Key)
			want = append(want, record.KeyChange{Key: op.Key, From: string(e.Value), To: string(op.Value), Index: e.Index})
		}
	}
	if !reflect.DeepEqual(change.Keys, want) {
		t.Fatalf("the change says %v, the operations %v", change.Keys, want)
	}
	if change.Digest != Digest(change) {
		t.Fatal("the digest is not the change's")
	}
}

func drawDocument(t *rapid.T, backends []string) store.Snapshot {
	if rapid.Bool().Draw(t, "none") {
		return tree()
	}
	space := rapid.SampledFrom([]string{"", " ", "\n\t"})
	weights := map[string]int{}
	for _, b := range backends {
		if rapid.Bool().Draw(t, "known") {
			weights[b] = rapid.IntRange(0, 300).Draw(t, "w")
		}
	}
	inner, _ := json.Marshal(weights)
	fields := []string{`"schema":1`, `"revision":` + strconv.Itoa(rapid.IntRange(0, 9).Draw(t, "revision")), `"weights":` + string(inner), `"mirror":{"b": 1e3}`, `"ümläut":"<&>\u0041"`, `"by":"ada"`}
	fields = rapid.Permutation(fields).Draw(t, "order")
	sp := space.Draw(t, "space")
	return tree("routes/ranker/weights", "{"+sp+strings.Join(fields, sp+","+sp)+sp+"}"+sp)
}

func TestDocumentKeepsWhatOthersWrote(t *testing.T) {
	r := router(t, jsonRouting)
	rapid.Check(t, func(t *rapid.T) {
		snap := drawDocument(t, []string{"a", "b"})
		before, ok := snap.Get("routes/ranker/weights")
		change, ops, err := r.Plan(snap, record.Split{"a": 40, "b": 60}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if !ok || len(change.Keys) == 0 {
			return
		}
		text := string(ops[0].Value)
		for _, others := range []string{`"mirror":{"b": 1e3}`, `"ümläut":"<&>\u0041"`} {
			if !strings.Contains(text, others) {
				t.Fatalf("%s is lost: %s", others, text)
			}
		}
		var old, now struct {
			Revision int
			By       string
		}
		if json.Unmarshal(before.Value, &old) != nil || json.Unmarshal([]byte(text), &now) != nil || now.Revision != old.Revision+1 || now.By != "autorollback" {
			t.Fatalf("%s became %s", before.Value, text)
		}
	})
}

func TestConcurrentEditConflictsInTheStore(t *testing.T) {
	f, err := store.OpenFile(filepath.Join(t.TempDir(), "kv"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, e := range canary().Entries {
		if err := f.Commit(t.Context(), store.NewTx(store.Op{Key: e.Key, Value: e.Value})); err != nil {
			t.Fatal(err)
		}
	}
	r := router(t, traefikRouting)
	read := func() store.Snapshot {
		snap, err := f.Read(t.Context(), r.Prefixes()...)
		if err != nil {
			t.Fatal(err)
		}
		return snap
	}
	snap := read()
	_, ops, err := r.Plan(snap, record.Split{"model-v1": 100}, []FlagDoc{{Version: "v2", Bundle: "sha256:b"}})
	if err != nil {
		t.Fatal(err)
	}
	weight := "traefik/http/services/ranker/weighted/services/1/weight"
	e, _ := snap.Get(weight)
	if err := f.Commit(t.Context(), store.NewTx(store.Op{Key: weight, Value: []byte("6"), Index: e.Index})); err != nil {
		t.Fatal(err)
	}
	if err := f.Commit(t.Context(), store.NewTx(ops...)); !errors.Is(err, store.ErrConflict) {
		t.Fatalf("a human wrote in between, and the plan says %v", err)
	}
	if got, _ := r.Decode(read()); !got.Equal(record.Split{"model-v1": 94.06, "model-v2": 5.94}) {
		t.Fatalf("the split is %v", got)
	}
	_, ops, err = r.Plan(read(), record.Split{"model-v1": 100}, []FlagDoc{{Version: "v2", Bundle: "sha256:b"}})
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Commit(t.Context(), store.NewTx(ops...)); err != nil {
		t.Fatal(err)
	}
	if got, _ := r.Decode(read()); !got.Equal(record.Split{"model-v1": 100}) {
		t.Fatalf("the split is %v", got)
	}
}
