package store

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/hashicorp/consul/api"

	"github.com/autorollback/autorollback/test/servers"
)

// BenchmarkFileCommit is dominated by the disk: it syncs twice.
func BenchmarkFileCommit(b *testing.B) {
	commitSix(b, tempFile(b))
}

// BenchmarkConsulCommit reports how much longer a commit takes than the same
// operations in a bare PUT /v1/txn, taken in turn with it.
func BenchmarkConsulCommit(b *testing.B) {
	server := servers.Consul(b)
	c := client(b, server.Addr)
	bare := newBare(b, server.URL)
	six := newSix(b, c)
	var ours, theirs time.Duration
	for b.Loop() {
		began := time.Now()
		six.commit(b)
		middle := time.Now()
		bare.commit(b)
		ours += middle.Sub(began) - six.reading
		theirs += time.Since(middle) - bare.reading
	}
	n := float64(b.N)
	b.ReportMetric(float64(ours.Microseconds())/n, "commit-µs/op")
	b.ReportMetric(float64(theirs.Microseconds())/n, "bare-µs/op")
	b.ReportMetric(float64(ours)/float64(theirs), "ratio")
}

func commitSix(b *testing.B, s Store) {
	six := newSix(b, s)
	for b.Loop() {
		six.commit(b)
	}
}

// six writes four keys, checks one, and deletes or creates one, as a rollback does.
type six struct {
	store   Store
	root    string
	n       int
	reading time.Duration // of the last commit
}

func newSix(b *testing.B, s Store) *six {
	x := &six{store: s, root: "bench/" + NewTx().ID[:8] + "/"}
	if err := s.Commit(b.Context(), NewTx(Op{Verb: Set, Key: x.root + "control"})); err != nil {
		b.Fatal(err)
	}
	return x
}

func (x *six) commit(b *testing.B) {
	began := time.Now()
	snap, err := x.store.Read(b.Context(), x.root)
	if err != nil {
		b.Fatal(err)
	}
	x.reading = time.Since(began)
	x.n++
	if err := x.store.Commit(b.Context(), NewTx(x.ops(snap)...)); err != nil {
		b.Fatal(err)
	}
}

func (x *six) ops(snap Snapshot) []Op {
	at := func(name string) uint64 {
		e, _ := snap.Get(x.root + name)
		return e.Index
	}
	ops := []Op{{Verb: Check, Key: x.root + "control", Index: at("control")}}
	for i := range 4 {
		name := fmt.Sprintf("value/%d", i)
		ops = append(ops, Op{Verb: Set, Key: x.root + name, Value: fmt.Appendf(nil, "%0200d", x.n), Index: at(name)})
	}
	verb := Set
	if at("message") != 0 {
		verb = Delete
	}
	return append(ops, Op{Verb: verb, Key: x.root + "message", Value: []byte("m"), Index: at("message")})
}

// bare does the same with net/http alone and no bookkeeping.
type bare struct {
	*six
	url string
}

func newBare(b *testing.B, url string) *bare {
	c := client(b, url)
	return &bare{newSix(b, c), url + "/v1/txn"}
}

func (x *bare) commit(b *testing.B) {
	began := time.Now()
	snap, err := x.store.Read(b.Context(), x.root)
	if err != nil {
		b.Fatal(err)
	}
	x.reading = time.Since(began)
	x.n++
	var list api.TxnOps
	for _, op := range x.ops(snap) {
		for _, o := range op.consul() {
			list = append(list, &api.TxnOp{KV: &o})
		}
	}
	body, _ := json.Marshal(list)
	req, _ := http.NewRequestWithContext(b.Context(), http.MethodPut, x.url, bytes.NewReader(body))
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		b.Fatal(err)
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil || resp.StatusCode != http.StatusOK {
		b.Fatalf("answer %d: %v", resp.StatusCode, err)
	}
}
