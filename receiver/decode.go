package receiver

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"slices"
	"time"

	"go.uber.org/zap"
)

const (
	maxBody   = 4 << 20
	maxAlerts = 1000
)

// A delivery is the webhook's body without its alerts. Alertmanager adds fields from time to
// time, so unknown ones are fine; groupKey is no identity and is not read.
type delivery struct {
	Version         string
	Alerts          int
	TruncatedAlerts uint64
}

// An entry is one alert of the body as it came.
type entry struct {
	Status, Fingerprint string
	StartsAt            time.Time
	Labels, Annotations map[string]string
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

// decode reads one version 4 body and nothing after it, and hands over each alert as it comes:
// whether the body is one is known only at its end.
func decode(body io.Reader, each func(entry)) (delivery, error) {
	var got delivery
	s := stream{json.NewDecoder(body)}
	if err := s.delivery(&got, each); err != nil {
		return got, fmt.Errorf("read body: %w", err)
	}
	if _, err := s.Token(); !errors.Is(err, io.EOF) {
		return got, fmt.Errorf("read body: something follows the message: %w", orExtra(err))
	}
	if got.Version != "4" {
		return got, fmt.Errorf("version is %.20q, want \"4\" (a custom payload cannot be read)", got.Version)
	}
	return got, nil
}

func (s stream) delivery(got *delivery, each func(entry)) error {
	return s.object(func(key string) (err error) {
		switch key {
		case "version":
			got.Version, err = s.text()
		case "truncatedAlerts":
			got.TruncatedAlerts, err = s.number()
		case "alerts":
			err = s.list(func() error {
				if got.Alerts++; got.Alerts > maxAlerts {
					return errTooMany
				}
				one, err := s.entry()
				each(one)
				return err
			})
		default:
			err = s.pass()
		}
		return err
	})
}

func (s stream) entry() (e entry, err error) {
	err = s.object(func(key string) (err error) {
		switch key {
		case "status":
			e.Status, err = s.text()
		case "fingerprint":
			e.Fingerprint, err = s.text()
		case "startsAt":
			err = s.Decode(&e.StartsAt)
		case "labels":
			e.Labels, err = s.pairs()
		case "annotations":
			e.Annotations, err = s.pairs()
		default:
			err = s.pass()
		}
		return err
	})
	return e, err
}

// needed are the labels that are read of an alert however many others stand before them.
var needed = []string{"autorollback", "service", "trigger", "region", "severity", "alertname"}

// pairs reads texts by name: the first ones, and those that are needed.
func (s stream) pairs() (map[string]string, error) {
	pairs := map[string]string{}
	return pairs, s.object(func(key string) error {
		value, err := s.text()
		if len(pairs) < keepPairs && len(key) <= maxText || slices.Contains(needed, key) {
			pairs[key] = value
		}
		return err
	})
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
