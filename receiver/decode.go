package receiver

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"

	"github.com/prometheus/alertmanager/template"
	"go.uber.org/zap"
)

const (
	maxBody   = 4 << 20
	maxAlerts = 1000
)

// A delivery is the webhook's body. Alertmanager adds fields from time to time, so
// unknown ones are fine; groupKey is no identity and is not read.
type delivery struct {
	template.Data
	Version         string `json:"version"`
	TruncatedAlerts uint64 `json:"truncatedAlerts"`
}

// admitBody judges the headers of the body.
func admitBody(req *http.Request) answer {
	kind, _, err := mime.ParseMediaType(req.Header.Get("Content-Type"))
	switch {
	case err != nil || kind != "application/json":
		return refused(http.StatusUnsupportedMediaType, "the body must be application/json")
	case len(req.Header.Values("Content-Encoding")) > 0:
		return refused(http.StatusUnsupportedMediaType, "the body must not be encoded")
	case req.ContentLength > maxBody:
		return tooLarge()
	}
	return answer{}
}

var errTooMany = errors.New("too many alerts in one body")

// decode reads one version 4 body and nothing after it.
func decode(body io.Reader) (delivery, error) {
	var got delivery
	dec := json.NewDecoder(body)
	if err := dec.Decode(&got); err != nil {
		return got, fmt.Errorf("read body: %w", err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return got, fmt.Errorf("read body: something follows the message: %w", orExtra(err))
	}
	if got.Version != "4" {
		return got, fmt.Errorf("version is %.20q, want \"4\" (a custom payload cannot be read)", got.Version)
	}
	if len(got.Alerts) > maxAlerts {
		return got, errTooMany
	}
	return got, nil
}

var errExtra = errors.New("one JSON object was expected")

// orExtra keeps the error of a body that could not be read to its end.
func orExtra(err error) error {
	if err == nil {
		return errExtra
	}
	return err
}

// undecodable turns a body's error into an answer.
func (r *Receiver) undecodable(err error) answer {
	r.log.Warn("webhook body not accepted", zap.Error(err))
	var size *http.MaxBytesError
	var slow net.Error
	switch {
	case errors.As(err, &size), errors.Is(err, errTooMany):
		return tooLarge()
	case errors.As(err, &slow) && slow.Timeout():
		return unavailable("the body came too slowly; send again")
	}
	return refused(http.StatusBadRequest, "not a version 4 webhook body")
}

func tooLarge() answer {
	return refused(http.StatusRequestEntityTooLarge, fmt.Sprintf("at most %d bytes and %d alerts in one body", maxBody, maxAlerts))
}
