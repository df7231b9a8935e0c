package main

import (
	"context"
	"os"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

func browser(ctx context.Context) (context.Context, context.CancelFunc) {
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.Flag("force-color-profile", "srgb"))
	if os.Getuid() == 0 {
		options = append(options, chromedp.NoSandbox) // it refuses to run as root otherwise
	}
	ctx, free := chromedp.NewExecAllocator(ctx, options...)
	ctx, done := chromedp.NewContext(ctx)
	return ctx, func() { done(); free() }
}

type step = chromedp.Action[chromedp.Void]

// A view is a picture of the page.
type view struct {
	name          string
	width, height int64
	phone, dark   bool
	steps         []step // to what is to be seen
}

const minerRow = `//button[contains(@class,"row")][contains(.,"xmrig")]`

// rotated is there once the credentials of the simulated cluster were approved to be rotated.
const rotated = `//section[contains(.,"Credentials of payments")]//li[contains(.,"NODES_RECREATING")]`

var views = []view{
	{name: "page-light", width: 1280, height: 860, steps: []step{
		chromedp.WaitVisible(minerRow), chromedp.Click(minerRow), chromedp.WaitVisible("#detail-title"),
	}},
	{name: "page-dark", width: 1280, height: 860, dark: true, steps: []step{
		chromedp.Click("#tab-health"), chromedp.WaitVisible(".cards"),
	}},
	{name: "page-clusters", width: 1280, height: 1000, steps: []step{
		chromedp.WaitVisible("#tab-clusters"), chromedp.Click("#tab-clusters"), chromedp.WaitVisible(rotated),
	}},
	{name: "page-phone", width: 360, height: 740, phone: true, steps: []step{chromedp.WaitVisible(minerRow)}},
}

func (v view) take(ctx context.Context, page, file string) error {
	scheme, more := "light", []chromedp.EmulateViewportOption{}
	if v.dark {
		scheme = "dark"
	}
	if v.phone {
		more = append(more, chromedp.EmulateMobile)
	}
	ctx, done := chromedp.NewContext(ctx)
	defer done()
	steps := []step{
		chromedp.EmulateViewport(v.width, v.height, more...),
		chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
			_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
				{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"},
			}})
			return err
		}),
		chromedp.Navigate(page),
		chromedp.WaitVisible(".row"),
	}
	if err := chromedp.Do(ctx, append(steps, v.steps...)...); err != nil {
		return err
	}
	png, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
	if err != nil {
		return err
	}
	return os.WriteFile(file, png, 0o644)
}
