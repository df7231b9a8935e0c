package main

import (
	"os"
	"strconv"

	"github.com/go-analyze/charts"
)

// draw shows the story minute by minute: alerts that came in, and findings written of those that the quota allows.
func (m *measured) draw(path string) error {
	var alerts, writes, most []float64
	var labels []string
	for i, minute := range m.minutes {
		alerts, writes, most = append(alerts, float64(minute.Alerts)), append(writes, float64(minute.Writes)), append(most, quota)
		labels = append(labels, strconv.Itoa(i))
	}
	p := charts.NewPainter(charts.PainterOptions{OutputFormat: charts.ChartOutputPNG, Width: 1000, Height: 640})
	p.FilledRect(0, 0, 1000, 640, charts.ColorWhite, charts.ColorWhite, 0)
	above := charts.NewBarChartOptionWithData([][]float64{alerts})
	above.Title = charts.TitleOption{Text: "Alerts published in each minute of the story", FontStyle: charts.FontStyle{FontSize: 14}}
	above.CategoryAxis.Labels = labels
	above.Theme = charts.GetTheme(charts.ThemeLight).WithSeriesColors([]charts.Color{charts.ColorFromHex("#c0504d")})
	below := charts.NewLineChartOptionWithData([][]float64{writes, most})
	below.Title = charts.TitleOption{Text: "Findings written in each minute, and the quota", FontStyle: charts.FontStyle{FontSize: 14}}
	below.Legend.SeriesNames = []string{"writes", "quota of 1,000"}
	below.Legend.Offset = charts.OffsetRight
	below.XAxis.Labels = labels
	below.Theme = charts.GetTheme(charts.ThemeLight).WithSeriesColors([]charts.Color{charts.ColorFromHex("#2f6db5"), charts.ColorFromHex("#999999")})
	if err := p.Child(charts.PainterBoxOption(charts.NewBox(20, 10, 980, 310))).BarChart(above); err != nil {
		return err
	}
	if err := p.Child(charts.PainterBoxOption(charts.NewBox(20, 330, 980, 630))).LineChart(below); err != nil {
		return err
	}
	data, err := p.Bytes()
	if err != nil {
		return err
	}
	return os.WriteFile(path, data, 0o644)
}
