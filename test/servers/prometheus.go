package servers

import (
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
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
//
// It returns when Prometheus has found its Alertmanagers. An alert that fires
// earlier is lost and sent again after a minute, so let it fire afterwards.
func Prometheus(tb testing.TB, config string, files map[string]string) *PrometheusServer {
	tb.Helper()
	addr := freeAddr(tb)
	s := &PrometheusServer{Addr: addr, URL: "http://" + addr}
	dir := tb.TempDir()
	s.Process = &Process{tb: tb, name: "prometheus", dir: dir, ready: s.ready, args: []string{
		"--config.file=" + filepath.Join(dir, prometheusConfig),
		"--storage.tsdb.path=" + filepath.Join(dir, "data"),
		"--web.listen-address=" + addr,
		"--web.enable-lifecycle",
		"--scrape.discovery-reload-interval=100ms", // 5 s by default: too long after a Reload
	}}
	s.Write(prometheusConfig, config)
	for name, text := range files {
		s.Write(name, text)
	}
	launch(s.Process)
	return s
}

// Data is the folder of its blocks, to be written while it is stopped.
func (s *PrometheusServer) Data() string { return filepath.Join(s.dir, "data") }

// Path is a file beside its configuration.
func (s *PrometheusServer) Path(name string) string { return filepath.Join(s.dir, name) }

// Configure replaces the configuration and reloads it.
func (s *PrometheusServer) Configure(config string) error {
	s.tb.Helper()
	s.Write(prometheusConfig, config)
	return s.Reload()
}

// Reload makes Prometheus read its files again. Its error says what
// Prometheus refused; the configuration before it then stays in force.
func (s *PrometheusServer) Reload() error {
	s.tb.Helper()
	ctx, cancel := context.WithTimeout(s.tb.Context(), readyTimeout)
	defer cancel()
	if _, err := request(ctx, http.MethodPost, s.URL+"/-/reload"); err != nil {
		return err
	}
	return until(ctx, s.alive(s.ready))
}

func (s *PrometheusServer) ready(ctx context.Context) error {
	if _, err := request(ctx, http.MethodGet, s.URL+"/-/ready"); err != nil {
		return err
	}
	config, err := os.ReadFile(filepath.Join(s.dir, prometheusConfig))
	if err != nil {
		return final{err}
	}
	if !strings.Contains(string(config), "alertmanagers:") {
		return nil
	}
	found, err := request(ctx, http.MethodGet, s.URL+"/api/v1/alertmanagers")
	if err == nil && strings.Contains(found, `"activeAlertmanagers":[]`) {
		err = errors.New("it has not found its Alertmanagers")
	}
	return err
}
