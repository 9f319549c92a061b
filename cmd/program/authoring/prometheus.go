package authoring

import (
	"fmt"

	"github.com/autorollback/autorollback/outbound"
)

// noPrometheus is err, or a sentence with the address if nobody answered there: a typed address is
// wrong more often than Prometheus is down.
func noPrometheus(flag, url string, err error) error {
	if !outbound.Unreached(err) {
		return err
	}
	return fmt.Errorf("no Prometheus answers at %s: %w; start it there, or name another address with %s", url, outbound.NoAnswer(err), flag)
}
