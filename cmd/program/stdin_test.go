package program

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/autorollback/autorollback/demo"
)

// A lone - is standard input, wherever the help says so and however it is typed.
func TestALoneDashIsStandardInput(t *testing.T) {
	var got string
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		got = string(body)
		_, _ = io.WriteString(w, `{"status": "success", "data": {}}`)
	}))
	defer srv.Close()
	release, gate := string(demo.Release), `{"schema":"x"}`
	for args, input := range map[string]string{
		"release start -f - --url URL":                                      release,
		"release start --url URL -f -":                                      release,
		"release start -f- --url URL":                                       release,
		"release start --file - --url URL":                                  release,
		"release start --file=- --url URL":                                  release,
		"release start --safer --file - -o json --url URL":                  release,
		"shadow record - --url URL":                                         gate,
		"shadow record --url URL -":                                         gate,
		"shadow record --url URL -- -":                                      gate,
		"approve 0123 --service ranker --reason x --token-file - --url URL": "a-token",
	} {
		got = ""
		var out strings.Builder
		fields := strings.Fields(strings.ReplaceAll(args, "URL", srv.URL))
		if err := run(t.Context(), fields, strings.NewReader(input), &out, &out); err != nil {
			t.Errorf("%s: %v", args, err)
		}
		if !strings.Contains(got, strings.Trim(input, "{}")) {
			t.Errorf("%s: the daemon got %q", args, got)
		}
	}
}
