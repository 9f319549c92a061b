package regions_test

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/autorollback/autorollback/api"
	"github.com/autorollback/autorollback/ofrep"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/shadow"
	"github.com/autorollback/autorollback/test/fixture"
	"github.com/autorollback/autorollback/web"
)

// flags are those in the store, for another flag system.
func (d *desk) flags(ctx context.Context, service, region, format string) (api.FlagExport, error) {
	const prefix = "features/ranker/"
	snap, err := d.file.Read(ctx, prefix)
	if err != nil {
		return api.FlagExport{}, err
	}
	doc, leftOut, err := ofrep.Export(ofrep.View{Service: service, Region: region, Documents: ofrep.Documents(snap.Entries, prefix), ReadAt: time.Now()}, format)
	if err != nil {
		return api.FlagExport{}, runbook.Refuse("%s", err)
	}
	return api.FlagExport{Document: doc, LeftOut: leftOut}, nil
}

// busy has one of everything that is read: a question, its incident and release, a mirror, a verdict, orders.
func (d *desk) busy() record.Approval {
	_, err := d.set.StartMirror(d.t.Context(), "ranker", "default", runbook.MirrorOrder{Backend: "ranker-v2", Percent: 10, For: runbook.Duration(time.Hour)}, fixture.By("ann"))
	ok(d.t, err)
	_, err = d.set.StopMirror(d.t.Context(), "ranker", "default", fixture.By("ann"), "seen enough")
	ok(d.t, err)
	l := fixture.Launch(d.t)
	_, err = d.set.RecordShadow(d.t.Context(), shadow.Gate{Schema: shadow.SchemaGate, Service: "ranker", Verdict: shadow.Pass, Rule: "all good", Report: "sha256:" + strings.Repeat("0", 64),
		At: time.Now(), Candidate: l.Candidate.Bundle.Digest(), Stable: l.Stable.Bundle.Digest()}, fixture.By("ann"))
	ok(d.t, err)
	return d.asked()
}

// at fills the names in a path.
func at(path, id string) string {
	return strings.NewReplacer("{service}", "ranker", "{region}", "default", "{id}", id, "{digest}", "sha256:"+strings.Repeat("0", 64)).Replace(path)
}

// Every reading route of the API answers, on a real engine, what docs/openapi.yaml says; the desk checks each
// answer. The changing ones are walked by TestEveryChangingRouteHasItsOrder.
func TestEveryReadingRouteAnswersAsDocumented(t *testing.T) {
	queries := map[string]string{"/api/v1/flags/{service}/{region}": "?format=flagd", "/api/v1/why/{id}": "?trigger=errors", "/api/v1/orders": "?service=ranker&by=ann&since=2000-01-01T00:00:00Z&limit=10"}
	atDesk(t, nil, func(d *desk) {
		a := d.busy()
		for _, op := range web.Operations() {
			if op.Method != http.MethodGet || strings.HasSuffix(op.Path, "/recovery") {
				continue
			}
			id := map[bool]string{true: a.ID, false: a.Incident}[strings.Contains(op.Path, "/approvals/")]
			w := d.ask("ann", op.Method, at(op.Path, id)+queries[op.Path], "")
			if w.Code != http.StatusOK {
				t.Errorf("%s answers %d: %s", op.Path, w.Code, w.Body)
			}
			var empty struct{ Data []json.RawMessage }
			if json.Unmarshal(w.Body.Bytes(), &empty) == nil && len(empty.Data) == 0 {
				t.Errorf("%s answers with an empty list, which shows nothing: %s", op.Path, w.Body)
			}
		}
	})
	atDesk(t, nil, func(d *desk) {
		d.restored()
		if w := d.ask("ann", http.MethodGet, target+"/recovery", ""); w.Code != http.StatusOK {
			t.Errorf("answers %d: %s", w.Code, w.Body)
		}
	})
}

// Every route of the API refuses in the form that is documented.
func TestEveryRouteRefusesAsDocumented(t *testing.T) {
	atDesk(t, nil, func(d *desk) {
		kind := func(kind string) func(*http.Request) {
			return func(r *http.Request) { r.Header.Set("Content-Type", kind) }
		}
		for _, op := range web.Operations() {
			path := at(op.Path, "nothing-of-that-name")
			refused := func(code int, path, body string, edit ...func(*http.Request)) {
				if w := d.ask("ann", op.Method, path, body, edit...); w.Code != code {
					t.Errorf("%s %s answers %d, want %d: %s", op.Method, path, w.Code, code, w.Body)
				}
			}
			refused(http.StatusUnauthorized, path, "", func(r *http.Request) { r.Header.Del("Authorization") })
			if path != op.Path {
				refused(http.StatusNotFound, strings.NewReplacer("{service}", "No_Name", "{region}", "default", "{id}", "No_Name", "{digest}", "sha256:1").Replace(op.Path), "{}")
			}
			if op.Method != http.MethodGet {
				refused(http.StatusForbidden, path, "{}", func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") })
			}
			if op.Takes != nil {
				refused(http.StatusUnsupportedMediaType, path, "x", kind("text/plain"))
				refused(http.StatusBadRequest, path, `{"no_such_field":1}`)
				refused(http.StatusRequestEntityTooLarge, path, strings.Repeat(" ", 1<<20))
			}
		}
		if w := d.ask("bob", http.MethodPut, "/api/v1/control", `{"mode":"observe"}`); w.Code != http.StatusForbidden {
			t.Errorf("bob sets the switch: %d", w.Code)
		}
	})
}
