// Command mailshots takes the pictures of the report for docs/: it has the sample's reports of two months sent to the local mailbox,
// and a browser show the last as mail clients do: light and dark, wide and narrow, and with its <style> dropped.
package main

import (
	"bytes"
	"cmp"
	"context"
	"flag"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"maps"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"time"

	"google.golang.org/api/option"

	"tiercel.dev/functions/report/sample"
	"tiercel.dev/internal/mail"
	"tiercel.dev/internal/objects"
	"tiercel.dev/local/mailbox"
	"tiercel.dev/local/storage"
)

// patience bounds all of it: a browser on a busy machine takes its time.
const patience = 10 * time.Minute

func main() {
	dir := flag.String("to", "docs/pictures", "folder of the pictures")
	flag.Parse()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := take(ctx, *dir); err != nil {
		fmt.Fprintln(os.Stderr, "mailshots:", err)
		os.Exit(1)
	}
}

func take(ctx context.Context, dir string) error {
	m, err := send(ctx)
	if err != nil {
		return err
	}
	whole := mail.Inline(m.HTML, m.Pictures)
	bare := regexp.MustCompile(`(?s)<style>.*?</style>`).ReplaceAll(whole, nil)
	page, stop, err := serve(map[string][]byte{"/whole": whole, "/bare": bare})
	if err != nil {
		return err
	}
	defer stop()
	for _, v := range []view{
		{"report-light", "/whole", 640, false, 0, 2600}, {"report-dark", "/whole", 640, true, 0, 2600},
		{"report-findings", "/whole", 640, false, 2900, 2400},
		{"report-phone", "/whole", 375, false, 0, 1700}, {"report-phone-dark", "/whole", 375, true, 0, 1700},
		{"report-bare", "/bare", 640, false, 0, 1700}, {"report-bare-phone", "/bare", 375, false, 0, 1700},
	} {
		if err := v.take(ctx, page, dir); err != nil {
			return fmt.Errorf("%s: %w", v.name, err)
		}
	}
	return nil
}

// send sends all weeks' reports, and returns the last that is about all.
func send(ctx context.Context) (*mailbox.Mail, error) {
	box, err := mailbox.New()
	if err != nil {
		return nil, err
	}
	defer box.Close()
	page, stop, err := listen(storage.New())
	if err != nil {
		return nil, err
	}
	defer stop()
	store, err := objects.NewBucket(ctx, "sample", option.WithEndpoint(page+"/storage/v1/"), option.WithoutAuthentication())
	if err != nil {
		return nil, err
	}
	if err := sample.Send(ctx, store, box.SMTP()); err != nil {
		return nil, err
	}
	for _, m := range box.Mails() {
		if m.Header.Get("List-Id") == "Tiercel <all.reports.tiercel.acme.example>" {
			return m, nil
		}
	}
	return nil, fmt.Errorf("of %d mails none is the whole report", len(box.Mails()))
}

func listen(h http.Handler) (page string, stop func() error, err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	s := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}
	go s.Serve(l)
	return "http://" + l.Addr().String(), s.Close, nil
}

func serve(files map[string][]byte) (page string, stop func() error, err error) {
	return listen(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		if q := r.URL.Query(); r.URL.Path == "/frame" {
			fmt.Fprintf(w, `<!DOCTYPE html><body style="margin:0"><iframe src="%s" width="%s" height="%s" style="border:0;display:block"></iframe>`,
				q.Get("of"), q.Get("width"), q.Get("height"))
			return
		}
		w.Write(files[r.URL.Path])
	}))
}

// A view is a picture of a part of the mail.
type view struct {
	name, path  string
	width       int
	dark        bool
	top, height int
}

// take has the browser show the mail in a frame as wide as a client's window: its own window cannot be as narrow as a phone's.
func (v view) take(ctx context.Context, page, dir string) error {
	scheme := "1"
	if v.dark {
		scheme = "0"
	}
	shot := filepath.Join(dir, v.name+".png")
	arguments := []string{
		"--headless=new", "--disable-gpu", "--hide-scrollbars", "--force-color-profile=srgb", "--blink-settings=preferredColorScheme=" + scheme,
		fmt.Sprintf("--window-size=%d,%d", max(v.width, 640), v.top+v.height+100), "--screenshot=" + shot,
		fmt.Sprintf("%s/frame?of=%s&width=%d&height=%d", page, v.path, v.width, v.top+v.height),
	}
	if os.Getuid() == 0 {
		arguments = append(arguments, "--no-sandbox") // it refuses to run as root otherwise
	}
	if out, err := exec.CommandContext(ctx, "chromium", arguments...).CombinedOutput(); err != nil {
		return fmt.Errorf("chromium: %w: %s", err, out)
	}
	data, err := os.ReadFile(shot)
	if err != nil {
		return err
	}
	return v.write(data, shot)
}

// write cuts the part out, and packs it as small as PNG is.
func (v view) write(shot []byte, file string) error {
	whole, err := png.Decode(bytes.NewReader(shot))
	if err != nil {
		return err
	}
	part, ok := whole.(interface {
		SubImage(image.Rectangle) image.Image
	})
	if !ok {
		return fmt.Errorf("%T has no parts", whole)
	}
	cutOut := image.Rect(0, v.top, v.width, v.top+v.height)
	var out bytes.Buffer
	encoder := png.Encoder{CompressionLevel: png.BestCompression}
	if err := encoder.Encode(&out, reduced(part.SubImage(cutOut))); err != nil {
		return err
	}
	return os.WriteFile(file, out.Bytes(), 0o644)
}

// reduced has the 256 colours that are there most often, and each other as the nearest of them.
func reduced(whole image.Image) image.Image {
	count := map[color.Color]int{}
	b := whole.Bounds()
	for y := b.Min.Y; y < b.Max.Y; y++ {
		for x := b.Min.X; x < b.Max.X; x++ {
			count[whole.At(x, y)]++
		}
	}
	colours := slices.SortedFunc(maps.Keys(count), func(a, b color.Color) int { return cmp.Compare(count[b], count[a]) })
	out := image.NewPaletted(b, colours[:min(len(colours), 256)])
	draw.Draw(out, b, whole, b.Min, draw.Src)
	return out
}
