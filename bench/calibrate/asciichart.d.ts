/** The part of asciichart that is used: it brings no types. */
declare module 'asciichart' {
  interface PlotConfig {
    height?: number;
    format?: (value: number, index: number) => string;
  }
  const asciichart: { plot(series: readonly number[], config?: PlotConfig): string };
  export default asciichart;
}
