package containerd

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"strings"
)

// Image is the one that there is: the machine's own busybox, as its only program.
const Image = "registry.test/tools/busybox:1.36"

// A Program is one of this machine's that the image has too: in the folder Folder, under its own name and as links.
type Program struct {
	From, Folder string
	Links        []string
}

// busybox is that image, as the archive that `ctr images import` reads.
func busybox(programs []Program) ([]byte, error) {
	binary, err := os.ReadFile("/bin/busybox")
	if err != nil {
		return nil, fmt.Errorf("a static busybox is the image's only program: %w", err)
	}
	var layer bytes.Buffer
	w := tar.NewWriter(&layer)
	for _, dir := range []string{"bin/", "etc/", "tmp/"} {
		add(w, tar.Header{Typeflag: tar.TypeDir, Name: dir, Mode: 0o755}, nil)
	}
	add(w, tar.Header{Typeflag: tar.TypeReg, Name: "bin/busybox", Mode: 0o755}, binary)
	for _, name := range []string{"sh", "sleep", "nc", "cat", "true"} {
		add(w, tar.Header{Typeflag: tar.TypeSymlink, Name: "bin/" + name, Linkname: "busybox"}, nil)
	}
	add(w, tar.Header{Typeflag: tar.TypeReg, Name: "etc/passwd", Mode: 0o644}, []byte("root:x:0:0:root:/:/bin/sh\n"))
	for _, p := range programs {
		if err := p.add(w); err != nil {
			return nil, err
		}
	}
	w.Close()

	sum := sha256.Sum256(layer.Bytes())
	config, _ := json.Marshal(map[string]any{
		"architecture": runtime.GOARCH, "os": "linux",
		"config": map[string]any{"Cmd": []string{"/bin/sleep", "100000"}, "Env": []string{"PATH=/bin"}},
		"rootfs": map[string]any{"type": "layers", "diff_ids": []string{"sha256:" + hex.EncodeToString(sum[:])}},
	})
	manifest, _ := json.Marshal([]map[string]any{{"Config": "config.json", "RepoTags": []string{Image}, "Layers": []string{"layer.tar"}}})
	var image bytes.Buffer
	w = tar.NewWriter(&image)
	for name, text := range map[string][]byte{"config.json": config, "layer.tar": layer.Bytes(), "manifest.json": manifest} {
		add(w, tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o644}, text)
	}
	w.Close()
	return image.Bytes(), nil
}

func (p Program) add(w *tar.Writer) error {
	text, err := os.ReadFile(p.From)
	if err != nil {
		return err
	}
	folder := strings.TrimPrefix(p.Folder, "/")
	name := filepath.Base(p.From)
	add(w, tar.Header{Typeflag: tar.TypeDir, Name: folder + "/", Mode: 0o755}, nil)
	add(w, tar.Header{Typeflag: tar.TypeReg, Name: path.Join(folder, name), Mode: 0o755}, text)
	for _, link := range p.Links {
		add(w, tar.Header{Typeflag: tar.TypeSymlink, Name: path.Join(folder, link), Linkname: name}, nil)
	}
	return nil
}

// add cannot go wrong: what is written to is memory, and headers have the size of what follows.
func add(w *tar.Writer, h tar.Header, text []byte) {
	h.Size = int64(len(text))
	_ = w.WriteHeader(&h)
	_, _ = w.Write(text)
}
