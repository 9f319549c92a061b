package demo

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/autorollback/autorollback/shadow"
)

// records are what a service keeps of its requests: a recording in the shadow's own format, and a log.
type records struct {
	seen   atomic.Int64
	mu     sync.Mutex
	record *os.File
	log    *os.File
}

// The folders that [Service.Record] writes to.
const (
	RecordingsDir = "recordings"
	LogsDir       = "logs"
)

// Record has the router write a recording and a log below a folder, from before [Service.Run] until it
// ends.
func (w *Service) Record(dir string) error {
	var files []*os.File
	for _, name := range []string{RecordingsDir + "/ranker.jsonl", LogsDir + "/ranker.log"} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return fmt.Errorf("record: %w", err)
		}
		f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
		if err != nil {
			return fmt.Errorf("record: %w", err)
		}
		files = append(files, f)
	}
	w.Router.records = &records{record: files[0], log: files[1]}
	return nil
}

func (r *records) close() error {
	if r == nil {
		return nil
	}
	return errors.Join(r.record.Close(), r.log.Close())
}

// begin gives a request an id, as routers do, unless it has one.
func (r *records) begin(out *http.Request) shadow.Record {
	if r == nil {
		return shadow.Record{}
	}
	id := out.Header.Get(idHeader)
	if id == "" {
		id = "r" + strconv.FormatInt(r.seen.Add(1), 10)
		out.Header.Set(idHeader, id)
	}
	return shadow.Record{ID: id, TS: time.Now().UTC(), Request: shadow.Request{Method: out.Method, Path: out.URL.Path}}
}

// end writes a request with the answer that it got.
func (r *records) end(one shadow.Record, resp *http.Response) {
	if r == nil {
		return
	}
	one.Version, one.Flag = resp.Header.Get(versionHeader), resp.Header.Get(flagHeader)
	ms := float64(time.Since(one.TS).Microseconds()) / 1000
	one.Response = &shadow.Answer{Status: resp.StatusCode, LatencyMS: ms}
	line := map[string]any{"ts": one.TS, "level": "info", "msg": "predicted", "request_id": one.ID, "version": one.Version, "status": resp.StatusCode, "latency_ms": ms}
	if !one.Response.Good() {
		line["level"], line["msg"] = "error", "prediction failed "+one.Flag
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	_ = json.NewEncoder(r.record).Encode(one) // whoever looks for it misses it
	_ = json.NewEncoder(r.log).Encode(line)
}

// flagHeader says in an answer why the service itself calls it harmful.
const flagHeader = "X-Model-Flag"

// planting makes single requests fail, and flags them, so that there are some of which is known that
// they must be found.
type planting struct {
	due atomic.Bool
	mu  sync.Mutex
	ids []string
}

// Plant has the version fail the next request that has an id, whatever its behaviour.
func (v *Version) Plant() { v.plant.due.Store(true) }

func (p *planting) reap(r *http.Request) bool {
	if r.Header.Get(idHeader) == "" || !p.due.CompareAndSwap(true, false) {
		return false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ids = append(p.ids, r.Header.Get(idHeader))
	return true
}

// Planted are the ids of the requests that [Version.Plant] made fail.
func (v *Version) Planted() []string {
	v.plant.mu.Lock()
	defer v.plant.mu.Unlock()
	return append([]string(nil), v.plant.ids...)
}
