package keeper

import (
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"slices"

	"github.com/autorollback/autorollback/secret"
)

// Schemes are those of the archives that the helper knows.
var schemes = []string{"file", "s3", "gs", "azblob"}

// CheckArchive refuses an address that is no archive's, and one that holds a secret: arguments stand in
// the list of processes. The error does not have the address in it.
func CheckArchive(text string) error {
	u, err := url.Parse(text)
	switch {
	case err != nil || !slices.Contains(schemes, u.Scheme):
		return fmt.Errorf("it is no address of an archive: file:///FOLDER, s3://BUCKET?region=…, gs://BUCKET or azblob://CONTAINER")
	case u.User != nil || secret.Parameter(u.Query()) != "":
		return errors.New("the address holds a secret, which everybody sees in the list of processes: object stores take theirs from the environment")
	case u.Scheme == "file" && (u.Host != "" || !filepath.IsAbs(u.Path)):
		return errors.New("a folder is named by its whole path: file:///FOLDER")
	case u.Scheme != "file" && u.Host == "":
		return errors.New("it names no bucket")
	}
	return nil
}
