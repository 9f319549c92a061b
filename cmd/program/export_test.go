package program

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
)

// An incident's page goes into the file that is named, whose folder is made, or to standard output.
func TestExportWritesThePage(t *testing.T) {
	daemon := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/api/v1/incidents/inc-1/page" {
			w.WriteHeader(http.StatusNotFound)
			fmt.Fprint(w, `{"status":"error","errorType":"not_found","error":"there is no such incident"}`)
			return
		}
		fmt.Fprint(w, "<!doctype html><title>one</title>")
	}))
	defer daemon.Close()
	const page = "<!doctype html><title>one</title>"
	if out, code := told(t, "incident", "export", "inc-1", "--url", daemon.URL); code != 0 || out != page {
		t.Errorf("exit %d: %q", code, out)
	}
	file := filepath.Join(t.TempDir(), "kept", "one.html")
	if out, code := told(t, "incident", "export", "inc-1", "-O", file, "--url", daemon.URL); code != 0 || out != "" {
		t.Errorf("exit %d: %q", code, out)
	}
	if got, err := os.ReadFile(file); err != nil || !bytes.Equal(got, []byte(page)) {
		t.Errorf("the file has %q (%v)", got, err)
	}
	missing := filepath.Join(t.TempDir(), "none.html")
	if out, code := told(t, "incident", "export", "inc-2", "-O", missing, "--url", daemon.URL); code == 0 {
		t.Errorf("an incident that is not there: %q", out)
	}
	if _, err := os.Lstat(missing); err == nil {
		t.Error("a file was written for an incident that is not there")
	}
}
