package attack

import (
	"errors"
	"net/http"
	"os/exec"
	"strings"
	"testing"

	"github.com/autorollback/autorollback/api"
	"github.com/autorollback/autorollback/demo"
)

// The account that Prometheus scrapes with gives no order, by the command line or otherwise, and sees
// nothing but the metrics.
func TestAScrapeAccountGivesNoOrders(t *testing.T) {
	d := start(t, "http://127.0.0.1:9")
	d.write("pw", password+"\n")
	d.write("release.yaml", string(demo.Release))
	d.write("gate.json", `{"schema":"autorollback/shadow-gate/1","service":"ranker","verdict":"pass"}`)
	digest := "sha256:" + strings.Repeat("0", 64)
	for _, args := range []string{
		"release start -f " + d.path("release.yaml"), "rollback ranker --reason x", "release promote ranker", "release hold ranker --reason x",
		"release resume ranker --reason x", "release lift " + digest + " --reason x", "control set paused --for 1h --reason x", "control set active --reason x",
		"shadow record " + d.path("gate.json"), "doctor --fire",
	} {
		code, said := d.command(strings.Fields(args), "scrape")
		if code != 4 || !strings.Contains(said, "scrape does not have the role ") {
			t.Errorf("autorollback %s ends with %d: %s", args, code, said)
		}
	}
	for _, who := range []string{"scrape", "late"} {
		if code := d.get(http.MethodPost, "/-/reload", who); code != http.StatusForbidden {
			t.Errorf("a reload by %s answers %d", who, code)
		}
	}
	for path, want := range map[string][2]int{
		"/metrics": {200, 200}, "/-/ready": {200, 200}, "/": {403, 200}, "/why/ranker": {403, 200}, api.Path + "/status": {403, 200}, api.Path + "/incidents": {403, 200},
	} {
		for i, who := range []string{"scrape", "late"} {
			if code := d.get(http.MethodGet, path, who); code != want[i] {
				t.Errorf("%s by %s answers %d, want %d", path, who, code, want[i])
			}
		}
	}
	if code, said := d.command([]string{"control", "set", "paused", "--for", "1h", "--reason", "drill"}, "demo"); code != 0 {
		t.Errorf("an admin is refused with %d: %s", code, said)
	}
}

// command runs the program as somebody who signs in.
func (d *daemon) command(args []string, who string) (code int, said string) {
	d.t.Helper()
	bin := built.File(d.t)
	text, err := exec.CommandContext(d.t.Context(), bin, append(args, "--url=http://"+d.web, "--user="+who, "--password-file="+d.path("pw"))...).CombinedOutput()
	var ended *exec.ExitError
	if errors.As(err, &ended) {
		return ended.ExitCode(), string(text)
	}
	if err != nil {
		d.t.Fatal(err)
	}
	return 0, string(text)
}

func (d *daemon) get(method, path, who string) int {
	d.t.Helper()
	req, err := http.NewRequestWithContext(d.t.Context(), method, "http://"+d.web+path, nil)
	if err != nil {
		d.t.Fatal(err)
	}
	req.SetBasicAuth(who, password)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		d.t.Fatal(err)
	}
	defer resp.Body.Close()
	return resp.StatusCode
}
