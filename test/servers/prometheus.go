package servers

import (
	"net/http"
	"path/filepath"
	"testing"
)

// A PrometheusServer is a Prometheus whose series outlive Stop and Start.
type PrometheusServer struct {
	*Process

	Addr string // host and port of the HTTP API
	URL  string // the same, as an address to put a path after
}

const prometheusConfig = "prometheus.yml"

// Prometheus starts a Prometheus with the given configuration. The files, by
// name, are put beside it, where rule_files and file_sd_configs find them.
func Prometheus(tb testing.TB, config string, files map[string]string) *PrometheusServer {
	tb.Helper()
	addr := freeAddr(tb)
	s := &PrometheusServer{Addr: addr, URL: "http://" + addr}
	dir := tb.TempDir()
	s.Process = &Process{tb: tb, name: "prometheus", dir: dir, ready: answers(s.URL + "/-/ready"), args: []string{
		"--config.file=" + filepath.Join(dir, prometheusConfig),
		"--storage.tsdb.path=" + filepath.Join(dir, "data"),
		"--web.listen-address=" + addr,
		"--web.enable-lifecycle",
	}}
	s.Write(prometheusConfig, config)
	for name, text := range files {
		s.Write(name, text)
	}
	launch(s.Process)
	return s
}

// Configure replaces the configuration and reloads it.
func (s *PrometheusServer) Configure(config string) error {
	s.tb.Helper()
	s.Write(prometheusConfig, config)
	return s.Reload()
}

// Reload makes Prometheus read its files again. Its error says what
// Prometheus refused; the configuration before it then stays in force.
func (s *PrometheusServer) Reload() error {
	_, err := request(s.tb.Context(), http.MethodPost, s.URL+"/-/reload")
	return err
}
