package image

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// Source is the hash of what an image is built from in a module's folder: the files of the module's own packages that the sensor is made
// of, for either architecture, what they embed, and what says which other modules are in it. It is that of a text with a line for each
// file, "SHA256  PATH", sorted by path.
func Source(dir string) (string, error) {
	files := map[string]bool{"go.mod": true, "go.sum": true, ".ko.yaml": true}
	for _, arch := range []string{"amd64", "arm64"} {
		if err := addFiles(dir, arch, files); err != nil {
			return "", err
		}
	}
	var lines []string
	for path := range files {
		data, err := os.ReadFile(filepath.Join(dir, path))
		if err != nil {
			return "", err
		}
		lines = append(lines, fmt.Sprintf("%x  %s\n", sha256.Sum256(data), filepath.ToSlash(path)))
	}
	slices.SortFunc(lines, func(a, b string) int { return strings.Compare(a[66:], b[66:]) })
	sum := sha256.Sum256([]byte(strings.Join(lines, "")))
	return hex.EncodeToString(sum[:]), nil
}

// addFiles adds the files for an architecture, by their paths in the module.
func addFiles(dir, arch string, files map[string]bool) error {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	cmd := exec.Command("go", "list", "-deps", "-json=Dir,Module,GoFiles,EmbedFiles,SFiles", "./sensor")
	cmd.Dir, cmd.Env, cmd.Stderr = dir, append(os.Environ(), "GOOS=linux", "GOARCH="+arch, "CGO_ENABLED=0"), os.Stderr
	text, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("go list: %w", err)
	}
	for packages := json.NewDecoder(bytes.NewReader(text)); ; {
		var p struct {
			Dir                         string
			Module                      *struct{ Main bool }
			GoFiles, EmbedFiles, SFiles []string
		}
		if err := packages.Decode(&p); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("go list: %w", err)
		}
		if p.Module == nil || !p.Module.Main {
			continue
		}
		folder, err := filepath.Rel(dir, p.Dir)
		if err != nil {
			return err
		}
		for _, name := range slices.Concat(p.GoFiles, p.EmbedFiles, p.SFiles) {
			files[filepath.Join(folder, name)] = true
		}
	}
}
