package promapi

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/autorollback/autorollback/outbound"
)

// answering is a client of a server that gives one answer to everything.
func answering(tb testing.TB, code int, text string) *Client {
	tb.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(code)
		_, _ = io.WriteString(w, text)
	}))
	tb.Cleanup(server.Close)
	c, err := New(server.URL, nil)
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

func TestAnAnswerTooLongIsAnError(t *testing.T) {
	text := `{"status":"success","data":{"resultType":"vector","result":[]}}`
	c := answering(t, http.StatusOK, text)
	for spare, fails := range map[int]bool{-1: true, 0: false} {
		c.http = outbound.New(outbound.Options{Most: int64(len(text) + spare)})
		if _, _, err := c.Query(t.Context(), "up", time.Time{}); errors.Is(err, outbound.ErrTooLong) != fails {
			t.Errorf("%d bytes to spare: got %v", spare, err)
		}
	}
}

func TestAPartialAnswerIsAnError(t *testing.T) {
	broken := errors.New("broken")
	for _, c := range []struct {
		warnings Warnings
		err      error
		want     string
	}{
		{nil, nil, ""},
		{Warnings{"store 2 did not answer", "nor 3"}, nil, "partial answer: store 2 did not answer; nor 3"},
		{Warnings{"store 2 did not answer"}, broken, "broken"},
	} {
		got := ""
		if err := Complete(c.warnings, c.err); err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%v, %v: got %q, want %q", c.warnings, c.err, got, c.want)
		}
	}
}

// A question that Prometheus cannot answer is told from a Prometheus that does not answer.
func TestRefused(t *testing.T) {
	for code, want := range map[int]bool{400: true, 422: true, 503: false, 502: false, 401: false} {
		text := ""
		if kind := map[int]string{400: "bad_data", 422: "execution", 503: "unavailable"}[code]; kind != "" {
			text = `{"status":"error","errorType":"` + kind + `","error":"because"}`
		}
		if _, _, err := answering(t, code, text).Query(t.Context(), "up", time.Time{}); err == nil || Refused(err) != want {
			t.Errorf("%d: %v is refused: %t", code, err, Refused(err))
		}
	}
}

// What is asked is what stands in the form, by POST or, where that is not allowed, by GET.
func TestQueryForm(t *testing.T) {
	for _, refuses := range []bool{false, true} {
		var path, form string
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if refuses && r.Method == http.MethodPost {
				w.WriteHeader(http.StatusMethodNotAllowed)
				return
			}
			_ = r.ParseForm()
			path = r.URL.Path
			if left, err := strconv.ParseFloat(r.FormValue("timeout"), 64); err != nil || left < 50 || left > 60 {
				t.Errorf("timeout %q of a minute: %v", r.FormValue("timeout"), err)
			}
			r.Form.Del("timeout")
			form = r.Form.Encode()
			_, _ = io.WriteString(w, `{"status":"success","data":{"resultType":"matrix","result":[]}}`)
		}))
		defer server.Close()
		c, err := New(server.URL+"/base/", nil)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		at := time.UnixMilli(1_700_000_000_500)
		if _, _, err := c.Query(ctx, "a+b", at); err != nil || path != "/base/api/v1/query" || form != "query=a%2Bb&time=1700000000.5" {
			t.Errorf("refuses POST: %t: asked %s for %s: %v", refuses, path, form, err)
		}
		r := Range{Start: at, End: at.Add(time.Minute), Step: 1500 * time.Millisecond}
		if _, _, err := c.QueryRange(ctx, "up", r); err != nil || path != "/base/api/v1/query_range" ||
			form != "end=1700000060.5&query=up&start=1700000000.5&step=1.5" {
			t.Errorf("refuses POST: %t: asked %s for %s: %v", refuses, path, form, err)
		}
	}
}

// Pages of rule groups are asked for one after the other, until none is left.
func TestRuleGroupsOfAllPages(t *testing.T) {
	pages := map[string]string{
		"":  `{"status":"success","data":{"groups":[{"name":"a","rules":[]},{"name":"b","rules":[]}],"groupNextToken":"2"},"other":[1]}`,
		"2": `{"status":"success","data":{"groups":[{"name":"c","rules":[]}]}}`,
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/base/api/v1/rules" || r.FormValue("group_limit") != strconv.Itoa(groupsAPage) {
			t.Errorf("asked for %s", r.URL)
		}
		_, _ = io.WriteString(w, pages[r.FormValue("group_next_token")])
	}))
	defer server.Close()
	c, err := New(server.URL+"/base", nil)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	err = c.RuleGroups(t.Context(), func(g RuleGroup) error { got = append(got, g.Name); return nil })
	if err != nil || strings.Join(got, "") != "abc" {
		t.Errorf("got %v, %v", got, err)
	}
	pages[""] = `{"data":{"groups":{}}}`
	if err := c.RuleGroups(t.Context(), func(RuleGroup) error { return nil }); err == nil {
		t.Error("groups that are no list were read")
	}
}
