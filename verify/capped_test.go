package verify

import (
	"io"
	"strings"
	"testing"
)

func TestAnAnswerTooLongIsAnError(t *testing.T) {
	for limit, fails := range map[int64]bool{9: true, 10: false} {
		body := &cappedBody{io.NopCloser(strings.NewReader("0123456789")), limit}
		if _, err := io.ReadAll(body); (err != nil) != fails {
			t.Errorf("limit %d: got %v", limit, err)
		}
	}
}
