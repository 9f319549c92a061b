package diff

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/autorollback/autorollback/shadow"
)

const (
	worstSamples = 20
	worstFields  = 10
)

// A Sample is one of the worst pairs, without any value that the plan does not allow
// to be shown. Its id is a hash, by which it can be found again.
type Sample struct {
	ID      string            `json:"id"` // FNV-1a of the request's id
	TS      time.Time         `json:"ts,omitzero"`
	Segment map[string]string `json:"segment,omitempty"`
	Fields  []SampleField     `json:"fields"`
	More    int               `json:"more,omitempty"` // further fields that differ

	severity float64
	bad      int
	hash     uint64
}

// A SampleField is one field that differs.
type SampleField struct {
	Path      string  `json:"path"`
	Kind      string  `json:"kind"` // value, type, missing, extra
	Delta     float64 `json:"delta,omitempty"`
	Stable    string  `json:"stable"`
	Candidate string  `json:"candidate"`
}

func newSample(p *shadow.Pair, touched []*field, severity float64, bad int, hash uint64) Sample {
	s := Sample{ID: fmt.Sprintf("%016x", hash), TS: p.TS, Segment: p.Segment, severity: severity, bad: bad, hash: hash}
	for _, f := range touched {
		o := &f.seen
		if o.raw == 0 {
			continue
		}
		if len(s.Fields) == worstFields {
			s.More++
			continue
		}
		s.Fields = append(s.Fields, SampleField{
			Path: f.path, Kind: o.raw.word(), Delta: finite(o.delta),
			Stable: redact(o.stable, f.shown), Candidate: redact(o.candidate, f.shown),
		})
	}
	return s
}

// redact shows a value only if the plan allows its field; else what kind of value it is.
func redact(v any, shown bool) string {
	if shown {
		if text, ok := v.(string); ok {
			return shadow.Clip(text, 80)
		}
		return shadow.Clip(canonical(v), 80)
	}
	switch v := v.(type) {
	case nil:
		return "nothing"
	case json.Number:
		return "a number"
	case string:
		return "text"
	case bool:
		return "true or false"
	case []any:
		return fmt.Sprintf("a list of %d", len(v))
	}
	return "an object"
}

// worst keeps the samples that are worst, the same ones in any order of reading.
type worst struct {
	keep int
	list []Sample // the worst first
}

func compareSamples(a, b Sample) int {
	return cmp.Or(cmp.Compare(b.severity, a.severity), cmp.Compare(b.bad, a.bad), cmp.Compare(a.hash, b.hash))
}

func (w *worst) wants(severity float64, bad int, hash uint64) bool {
	return len(w.list) < w.keep || compareSamples(Sample{severity: severity, bad: bad, hash: hash}, w.list[len(w.list)-1]) < 0
}

func (w *worst) add(s Sample) {
	i, _ := slices.BinarySearchFunc(w.list, s, compareSamples)
	w.list = slices.Insert(w.list, i, s)
	if len(w.list) > w.keep {
		w.list = w.list[:w.keep]
	}
}
