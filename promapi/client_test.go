package promapi

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
)

func TestAnAnswerTooLongIsAnError(t *testing.T) {
	for limit, fails := range map[int64]bool{9: true, 10: false} {
		body := &maxBytesBody{io.NopCloser(strings.NewReader("0123456789")), limit}
		if _, err := io.ReadAll(body); (err != nil) != fails {
			t.Errorf("limit %d: got %v", limit, err)
		}
	}
}

func TestAPartialAnswerIsAnError(t *testing.T) {
	broken := errors.New("broken")
	for _, c := range []struct {
		warnings v1.Warnings
		err      error
		want     string
	}{
		{nil, nil, ""},
		{v1.Warnings{"store 2 did not answer", "nor 3"}, nil, "partial answer: store 2 did not answer; nor 3"},
		{v1.Warnings{"store 2 did not answer"}, broken, "broken"},
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
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(code)
			kind := map[int]string{400: "bad_data", 422: "execution", 503: "unavailable"}[code]
			if kind != "" {
				_, _ = io.WriteString(w, `{"status":"error","errorType":"`+kind+`","error":"because"}`)
			}
		}))
		c, err := New(server.URL, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := c.Query(t.Context(), "up", time.Time{}); err == nil || Refused(err) != want {
			t.Errorf("%d: %v is refused: %t", code, err, Refused(err))
		}
		server.Close()
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
	err = c.RuleGroups(t.Context(), func(g v1.RuleGroup) error { got = append(got, g.Name); return nil })
	if err != nil || strings.Join(got, "") != "abc" {
		t.Errorf("got %v, %v", got, err)
	}
	pages[""] = `{"data":{"groups":{}}}`
	if err := c.RuleGroups(t.Context(), func(v1.RuleGroup) error { return nil }); err == nil {
		t.Error("groups that are no list were read")
	}
}
