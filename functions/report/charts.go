package report

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/go-analyze/charts"

	"tiercel.dev/internal/mail"
	"tiercel.dev/internal/posture"
)

const (
	// chartWidth is twice what is shown, for screens that have two dots for one.
	chartWidth = 1148
	// maxBars is how many clusters a picture has.
	maxBars = 12
)

// Pictures stand on their own ground, which is readable on white and on black: clients do not change pictures in dark mode.
var (
	ground = charts.ColorFromHex("#26313d")
	ink    = charts.ColorFromHex("#e8ecf1")
	faint  = charts.ColorFromHex("#3d4a59")
	mute   = charts.ColorFromHex("#aab5c2")
)

// bright are the severities' colours on that ground.
var bright = map[posture.Severity]string{posture.Critical: "#f0565b", posture.High: "#f2924c", posture.Medium: "#e3c04f", posture.Low: "#6aa9ee"}

func theme(series ...string) charts.ColorPalette {
	var colours []charts.Color
	for _, s := range series {
		colours = append(colours, charts.ColorFromHex(s))
	}
	return charts.MakeTheme(charts.ThemeOption{
		IsDarkMode: true, AxisStrokeColor: faint, AxisSplitLineColor: faint, BackgroundColor: ground, TextColor: mute, TextColorTitle: ink,
		TextColorLegend: mute, TextColorXAxis: mute, TextColorYAxis: mute, TextColorLabel: ink, SeriesColors: colours,
	})
}

func font(size float64, colour charts.Color) charts.FontStyle {
	return charts.FontStyle{FontSize: size, FontColor: colour}
}

// title leaves room below itself by an empty line.
func title(text string) charts.TitleOption {
	return charts.TitleOption{Text: text, FontStyle: font(26, ink), Subtext: " ", SubtextFontStyle: font(10, ground), Offset: charts.OffsetLeft}
}

// pictures are those that a letter has numbers for.
func (l *letter) pictures() (parts []mail.Part, err error) {
	for _, p := range []struct {
		name string
		draw func() ([]byte, error)
	}{{"score.png", l.trendPicture}, {"clusters.png", l.clusterPicture}, {"network.png", l.networkPicture}} {
		data, err := p.draw()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", p.name, err)
		}
		if data != nil {
			parts = append(parts, mail.Part{Name: p.name, Type: "image/png", Data: data})
		}
	}
	return parts, nil
}

func (l *letter) trendPicture() ([]byte, error) {
	if len(l.Trend) < 2 {
		return nil, nil
	}
	values, labels := make([]float64, len(l.Trend)), make([]string, len(l.Trend))
	low := 100.0
	for i, p := range l.Trend {
		values[i], labels[i] = math.Round(p.Value), p.Time.UTC().Format("2 Jan")
		low = min(low, p.Value)
	}
	option := charts.NewLineChartOptionWithData([][]float64{values})
	option.Theme = theme("#7fb8f5")
	option.Padding = charts.NewBox(36, 84, 44, 22)
	option.Legend = charts.LegendOption{Show: charts.Ptr(false)}
	option.XAxis = charts.XAxisOption{Labels: labels, LabelFontStyle: font(20, mute), BoundaryGap: charts.Ptr(false)}
	option.YAxis = []charts.YAxisOption{{
		Min: charts.Ptr(max(math.Floor(low/20)*20-20, 0)), Max: charts.Ptr(100.0), Unit: 20, LabelFontStyle: font(20, mute), SplitLineShow: charts.Ptr(true),
	}}
	option.LineStrokeWidth = 5
	option.Symbol = charts.Symbol{Shape: charts.SymbolCircle, Size: 7}
	option.FillArea, option.FillOpacity = charts.Ptr(true), 40
	p := painter(380)
	if err := p.LineChart(option); err != nil {
		return nil, err
	}
	p.Text("Score", 36, 52, 0, font(26, ink)) // the library's own title would stand on the highest number
	return p.Bytes()
}

func painter(height int) *charts.Painter {
	return charts.NewPainter(charts.PainterOptions{OutputFormat: charts.ChartOutputPNG, Width: chartWidth, Height: height})
}

// clusterPicture has the worst clusters, the worst on top.
func (l *letter) clusterPicture() ([]byte, error) {
	rows := keep(l.Clusters, func(r clusterRow) bool { return total(r) > 0 })
	rows = rows[:min(len(rows), maxBars)]
	if len(rows) == 0 {
		return nil, nil
	}
	slices.Reverse(rows) // the library draws from below
	series := make([][]float64, len(severities))
	var legend, colours, labels []string
	for i, s := range severities {
		legend, colours = append(legend, word(s)), append(colours, bright[s])
		for _, r := range rows {
			series[i] = append(series[i], float64(r.Open[s]))
		}
	}
	for _, r := range rows {
		labels = append(labels, label(r.Resource.Cluster))
	}
	option := charts.NewBarChartOptionWithData(series)
	option.StackSeries = charts.Ptr(true)
	option.Theme = theme(colours...)
	option.Title = title("Open findings by severity")
	option.Legend = charts.LegendOption{SeriesNames: legend, FontStyle: font(20, mute), Offset: charts.OffsetRight, Symbol: charts.SymbolSquare}
	return bars(option, labels, nil)
}

// networkPicture has how far network policies reach, the least on top.
func (l *letter) networkPicture() ([]byte, error) {
	rows := keep(l.Clusters, func(r clusterRow) bool { return strings.HasSuffix(r.Network, "%") })
	if len(rows) == 0 {
		return nil, nil
	}
	slices.SortStableFunc(rows, func(a, b clusterRow) int { return int(percent(a) - percent(b)) })
	rows = rows[:min(len(rows), maxBars)]
	slices.Reverse(rows)
	var values []float64
	var labels []string
	for _, r := range rows {
		values, labels = append(values, percent(r)), append(labels, label(r.Resource.Cluster))
	}
	option := charts.NewBarChartOptionWithData([][]float64{values})
	option.Theme = theme("#5fc3a8")
	option.Title = title("Pods covered by network policies, percent")
	option.Legend = charts.LegendOption{Show: charts.Ptr(false)}
	return bars(option, labels, charts.Ptr(100.0))
}

func bars(option charts.BarChartOption, labels []string, most *float64) ([]byte, error) {
	option.Horizontal = true
	option.Padding = charts.NewBox(36, 30, 44, 22)
	option.CategoryAxis = charts.CategoryAxisOption{Labels: labels, LabelFontStyle: font(20, ink)}
	count := 0 // of the axis' numbers; as fits
	if most != nil {
		count = 6
	}
	option.ValueAxis = []charts.ValueAxisOption{{Min: charts.Ptr(0.0), Max: most, LabelCount: count, LabelFontStyle: font(20, mute), SplitLineShow: charts.Ptr(true)}}
	option.ValueFormatter = func(v float64) string { return strconv.Itoa(int(math.Round(v))) }
	p := painter(150 + 46*len(labels))
	if err := p.BarChart(option); err != nil {
		return nil, err
	}
	return p.Bytes()
}

func total(r clusterRow) (n int) {
	for _, s := range severities {
		n += r.Open[s]
	}
	return n
}

func percent(r clusterRow) float64 {
	v, _ := strconv.ParseFloat(strings.TrimSuffix(r.Network, "%"), 64) // it was made of a number
	return v
}

func word(s posture.Severity) string { return upper(strings.ToLower(s.String())) }

// label is a name for a picture, whose font has the letters of GKE's names alone.
func label(name string) string { return cut(name, 24) }
