package local

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
)

// SecretPath is the file with the secret by which tokens are asked for at [TokenPath] of an address, HOST:PORT: in the user's cache,
// for nobody else to read, as long as the cloud runs. An error is of a user without one.
func SecretPath(address string) (string, error) {
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return "", fmt.Errorf("address %q: %w", address, err)
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	return filepath.Join(dir, "tiercel", "up-"+port+".secret"), nil
}

// WriteSecret leaves the secret of an address for commands of the same user, and returns what takes it away.
func WriteSecret(address, secret string) (remove func() error, err error) {
	path, err := SecretPath(address)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	// One that is there is of a run that was killed, and may have been made readable: it is not written into.
	if err := os.Remove(path); err != nil && !os.IsNotExist(err) {
		return nil, err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	if _, err = f.WriteString(secret); err != nil {
		f.Close()
		return nil, err
	}
	return func() error { return os.Remove(path) }, f.Close()
}
