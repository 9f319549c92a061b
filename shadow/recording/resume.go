package recording

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"

	"github.com/autorollback/autorollback/shadow"
)

// Resume is where a file of pairs stands.
type Resume struct {
	Done  int64       // pairs that are in it
	Last  string      // the id of the last one
	Ended *shadow.Run // if all is done
}

// OpenPairs opens a file of pairs to write on where it stops. A last line without its
// end is torn, and cut off. A file of another run is refused.
func OpenPairs(path string, header shadow.PairHeader) (*os.File, Resume, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600) // bodies are nobody else's business
	if err != nil {
		return nil, Resume{}, fmt.Errorf("open pairs: %w", err)
	}
	p, good, err := scan(f, path, header)
	if err == nil {
		err = f.Truncate(good)
	}
	if err == nil {
		_, err = f.Seek(good, io.SeekStart)
	}
	if err == nil && good == 0 {
		err = WriteLine(f, header)
	}
	if err != nil {
		f.Close()
		return nil, Resume{}, fmt.Errorf("open pairs: %w", err)
	}
	return f, p, nil
}

// scan reads what is there, and up to which byte it is whole.
func scan(f *os.File, path string, want shadow.PairHeader) (p Resume, good int64, err error) {
	l := newLines(f)
	for {
		line, whole, err := l.next()
		if errors.Is(err, io.EOF) || err == nil && !whole {
			return p, good, nil
		}
		if err != nil {
			return p, good, err
		}
		if good == 0 {
			if err := checkHeader(path, line, want); err != nil {
				return p, 0, err
			}
		} else if !p.count(line) {
			// Only the last line can be torn by a stop; a broken one before it, with what
			// follows, is sent again.
			return p, good, nil
		}
		good += int64(len(line) + len(l.end))
	}
}

func (p *Resume) count(line []byte) bool {
	var one pairLine
	if json.Unmarshal(line, &one) != nil || one.Run == nil && one.ID == "" {
		return false
	}
	if one.Run != nil {
		p.Ended = one.Run
		return true
	}
	p.Done, p.Last = p.Done+1, one.ID
	return true
}

func checkHeader(path string, line []byte, want shadow.PairHeader) error {
	var have shadow.PairHeader
	if !bytes.HasPrefix(line, []byte("{")) || json.Unmarshal(line, &have) != nil || have.Schema != shadow.SchemaPairs {
		return fmt.Errorf("%s is no file of pairs; name a new file", path)
	}
	if !reflect.DeepEqual(have, want) {
		return fmt.Errorf("%s belongs to another run (other recording, addresses, sample or allowed requests); name a new file, or start with what that run had", path)
	}
	return nil
}
