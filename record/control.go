package record

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/autorollback/autorollback/runbook"
)

// ParseControl reads the value of the key "control": nothing at all (active), a bare
// word such as `consul kv put` writes, or JSON. A value that cannot be read is an
// error; the caller must treat it as a stop.
func ParseControl(value []byte) (Control, error) {
	value = bytes.TrimSpace(value)
	c := Control{Mode: runbook.Active}
	switch {
	case len(value) == 0:
		return c, nil
	case value[0] != '{':
		c.Mode = runbook.Mode(bytes.Trim(value, `"`))
	default:
		c.Mode = ""
		dec := json.NewDecoder(bytes.NewReader(value))
		dec.DisallowUnknownFields()
		if err := dec.Decode(&c); err != nil {
			return Control{}, fmt.Errorf("read control: %w", err)
		}
		if _, err := dec.Token(); !errors.Is(err, io.EOF) {
			return Control{}, errors.New("read control: something follows the JSON document")
		}
	}
	switch c.Mode {
	case runbook.Observe, runbook.Active, runbook.Paused:
		return c, nil
	}
	return Control{}, fmt.Errorf("read control: mode %q is none of observe, active, paused", c.Mode)
}

// Control is the stop switch of the whole installation, key "control". An absent
// key means active. A bare word (`consul kv put … paused`) is a valid value.
type Control struct {
	Mode   runbook.Mode `json:"mode"`
	By     string       `json:"by,omitempty"`
	Reason string       `json:"reason,omitempty"`
	Until  time.Time    `json:"until,omitzero"` // a pause that has passed pages; it does not return silently to active
}

// PlanDigest is the digest of what a person is shown of it.
func (c Control) PlanDigest() string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%q %q %q %d", c.Mode, c.By, c.Reason, c.Until.UnixNano()))
	return "sha256:" + hex.EncodeToString(sum[:])
}

// ControlSeen is what the daemon last saw at the key "control", and so what it knows who wrote, key
// "seen/control".
type ControlSeen struct {
	Schema int    `json:"schema"`
	Digest string `json:"digest"`          // sha256 of the value in hex; of nothing where there is no key
	Order  string `json:"order,omitempty"` // that wrote it, or that notes who did not
}
