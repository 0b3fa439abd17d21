using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using System.Globalization;
using System.Text;
using Stentor.Protocol;

namespace Stentor.Gateways;

/// <summary>
/// Gathers what the process measures (<see cref="System.Diagnostics.Metrics"/>) and writes it as Prometheus text, version 0.0.4. Dots in names become
/// underscores; counters end in <c>_total</c>; units are appended. Any thread may call.
/// </summary>
internal sealed class MetricsText : IDisposable
{
    /// <summary>The content type of the text.</summary>
    public const string ContentType = "text/plain; version=0.0.4; charset=utf-8";

    // Seconds: from a memory look-up to the longest wait; in between where a disk sync and a PBKDF2 lie.
    private static readonly double[] SecondsBounds = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];
    private static readonly double[] CountBounds = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000];

    // A series is made by code, not by callers; past this something counts what it must not, and new ones are left out.
    private const int SeriesPerInstrumentMax = 500;

    private readonly MeterListener _listener = new();
    private readonly ConcurrentDictionary<Instrument, Family> _families = new();
    private readonly Lock _collecting = new();

    /// <summary>Starts to gather.</summary>
    /// <param name="isWanted">Which meters.</param>
    public MetricsText(Func<Meter, bool> isWanted)
    {
        _listener.InstrumentPublished = (instrument, listener) =>
        {
            if (isWanted(instrument.Meter))
            {
                listener.EnableMeasurementEvents(instrument, _families.GetOrAdd(instrument, static i => new Family(i)));
            }
        };
        _listener.MeasurementsCompleted = (instrument, _) => _families.TryRemove(instrument, out Family? _);
        _listener.SetMeasurementEventCallback<long>(static (_, value, tags, state) => ((Family)state!).Add(value, tags)); // The state given above.
        _listener.SetMeasurementEventCallback<int>(static (_, value, tags, state) => ((Family)state!).Add(value, tags));
        _listener.SetMeasurementEventCallback<double>(static (_, value, tags, state) => ((Family)state!).Add(value, tags));
        _listener.Start();
    }

    /// <summary>Writes everything as it is now, in the order of the names.</summary>
    /// <param name="text">Where it goes.</param>
    public void Write(ByteBuffer text)
    {
        lock (_collecting)
        {
            _listener.RecordObservableInstruments();
            string? previous = null;
            foreach (var family in _families.Values.OrderBy(f => f.Name, StringComparer.Ordinal))
            {
                family.Write(text, withHead: family.Name != previous);
                previous = family.Name;
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _listener.Dispose();

    /// <summary>An instrument's series, one for each set of tags.</summary>
    private sealed class Family
    {
        private readonly ConcurrentDictionary<string, Series> _series = new();
        private readonly ConcurrentDictionary<string, Series> _byOneTag = new();
        private readonly string _help;
        private readonly string _type;
        private readonly bool _isObserved;
        private readonly double[]? _bounds;

        public Family(Instrument instrument)
        {
            var kind = instrument.GetType().GetGenericTypeDefinition();
            _isObserved = instrument.IsObservable;
            _type = kind == typeof(Histogram<>) ? "histogram"
                : kind == typeof(Counter<>) || kind == typeof(ObservableCounter<>) ? "counter"
                : "gauge";
            _bounds = _type != "histogram" ? null : instrument.Unit == "s" ? SecondsBounds : CountBounds;
            _help = instrument.Description ?? "";
            Name = NameOf(instrument, _type);
        }

        public string Name { get; }

        public void Add(double value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
        {
            // On the path of every request: one tag, whose value is found without making a text of it.
            var oneTag = tags.Length == 1 ? tags[0].Value as string : null;
            if (oneTag is null || !_byOneTag.TryGetValue(oneTag, out var series))
            {
                series = SeriesOf(tags);
                if (series is null)
                {
                    return;
                }

                if (oneTag is not null)
                {
                    _byOneTag[oneTag] = series;
                }
            }

            series.Add(value, _isObserved, _bounds);
        }

        public void Write(ByteBuffer text, bool withHead)
        {
            if (withHead)
            {
                Append(text, $"# HELP {Name} {_help.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\n", "\\n", StringComparison.Ordinal)}\n# TYPE {Name} {_type}\n");
            }

            foreach (var (labels, series) in _series.OrderBy(s => s.Key, StringComparer.Ordinal))
            {
                if (_bounds is null)
                {
                    Append(text, $"{Name}{(labels.Length == 0 ? "" : $"{{{labels}}}")} {NumberOf(series.Value)}\n");
                }
                else
                {
                    WriteHistogram(text, labels, series);
                }
            }
        }

        private Series? SeriesOf(ReadOnlySpan<KeyValuePair<string, object?>> tags)
        {
            var labels = tags.IsEmpty ? "" : LabelsOf(tags);
            if (_series.TryGetValue(labels, out var series))
            {
                return series;
            }

            return _series.Count >= SeriesPerInstrumentMax ? null : _series.GetOrAdd(labels, static (_, bounds) => new Series(bounds), _bounds);
        }

        private void WriteHistogram(ByteBuffer text, string labels, Series series)
        {
            var comma = labels.Length == 0 ? "" : ",";
            var (counts, sum) = series.Read();
            long total = 0;
            for (var i = 0; i < counts.Length; i++)
            {
                total += counts[i];
                var bound = i < _bounds!.Length ? NumberOf(_bounds[i]) : "+Inf"; // Only histograms are written here.
                Append(text, $"{Name}_bucket{{{labels}{comma}le=\"{bound}\"}} {total}\n");
            }

            var braces = labels.Length == 0 ? "" : $"{{{labels}}}";
            Append(text, $"{Name}_sum{braces} {NumberOf(sum)}\n{Name}_count{braces} {total}\n");
        }

        private static void Append(ByteBuffer text, string more)
        {
            var length = Encoding.UTF8.GetBytes(more, text.GetSpan(Encoding.UTF8.GetMaxByteCount(more.Length)));
            text.Advance(length);
        }

        private static string NameOf(Instrument instrument, string type)
        {
            var name = new StringBuilder(instrument.Name.Length + 16);
            foreach (var c in instrument.Name)
            {
                name.Append(char.IsAsciiLetterOrDigit(c) ? c : '_');
            }

            var unit = instrument.Unit switch { "s" => "_seconds", "By" => "_bytes", _ => "" };
            if (unit.Length > 0 && !name.ToString().EndsWith(unit, StringComparison.Ordinal))
            {
                name.Append(unit);
            }

            return type == "counter" ? name.Append("_total").ToString() : name.ToString();
        }

        private static string LabelsOf(ReadOnlySpan<KeyValuePair<string, object?>> tags)
        {
            var labels = new StringBuilder();
            foreach (var (name, value) in tags)
            {
                labels.Append(labels.Length == 0 ? "" : ",").Append(name.Replace('.', '_')).Append("=\"");
                foreach (var c in Convert.ToString(value, CultureInfo.InvariantCulture) ?? "")
                {
                    _ = c switch
                    {
                        '\\' => labels.Append(@"\\"),
                        '"' => labels.Append("\\\""),
                        '\n' => labels.Append("\\n"),
                        _ => labels.Append(c),
                    };
                }

                labels.Append('"');
            }

            return labels.ToString();
        }

        private static string NumberOf(double number) => number.ToString("R", CultureInfo.InvariantCulture);
    }

    private sealed class Series(double[]? bounds)
    {
        private readonly Lock _gate = new();
        private readonly long[] _counts = bounds is null ? [] : new long[bounds.Length + 1];
        private double _value;

        public double Value
        {
            get
            {
                lock (_gate)
                {
                    return _value;
                }
            }
        }

        public void Add(double value, bool isObserved, double[]? bounds)
        {
            lock (_gate)
            {
                _value = isObserved ? value : _value + value;
                if (bounds is not null)
                {
                    var index = Array.BinarySearch(bounds, value);
                    _counts[index < 0 ? ~index : index]++;
                }
            }
        }

        public (long[] Counts, double Sum) Read()
        {
            lock (_gate)
            {
                return ((long[])_counts.Clone(), _value);
            }
        }
    }
}
