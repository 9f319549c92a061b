package program

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// The name that rollback had is the same command: it sends the same and prints the same.
func TestRollbackByItsFormerName(t *testing.T) {
	var got []string
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		got = append(got, r.Method+" "+r.URL.String()+" "+string(body))
		_, _ = io.WriteString(w, `{"status": "success", "data": {"id": "inc-1", "phase": "verifying"}}`)
	}))
	defer srv.Close()
	said := func(line string) string {
		var out strings.Builder
		if err := run(t.Context(), append(strings.Fields(line), "--url", srv.URL), nil, &out, &out); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		return out.String()
	}
	now, before := said("rollback ranker --region=eu --reason=x"), said("release rollback ranker --region=eu --reason=x")
	if len(got) != 2 || got[0] != got[1] || !strings.HasPrefix(got[0], "POST ") || now != before || !strings.Contains(now, "autorollback incident show inc-1") {
		t.Errorf("%q\n%q\n%q", got, now, before)
	}
}
