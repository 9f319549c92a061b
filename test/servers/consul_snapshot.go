package servers

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
)

// Snapshot is a backup of all that the cluster has, as `consul snapshot save` makes one.
func (s *ConsulServer) Snapshot() []byte {
	s.tb.Helper()
	return s.snapshot(http.MethodGet, nil)
}

// Restore puts a backup in place of all that the cluster has, as `consul snapshot restore` does,
// and returns once it answers.
func (s *ConsulServer) Restore(backup []byte) {
	s.tb.Helper()
	s.snapshot(http.MethodPut, backup)
	err := until(s.tb.Context(), func(ctx context.Context) error {
		_, err := request(ctx, http.MethodGet, s.URL+"/v1/catalog/nodes?consistent")
		return err
	})
	if err != nil {
		s.tb.Fatal(err)
	}
}

func (s *ConsulServer) snapshot(method string, body []byte) []byte {
	s.tb.Helper()
	req, err := http.NewRequestWithContext(s.tb.Context(), method, s.URL+"/v1/snapshot", bytes.NewReader(body))
	if err != nil {
		s.tb.Fatal(err)
	}
	resp, err := client.Do(req)
	if err != nil {
		s.tb.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", resp.Status, text)
	}
	if err != nil {
		s.tb.Fatalf("%s snapshot: %v", method, err)
	}
	return text
}
