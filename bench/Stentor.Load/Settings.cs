using System.Globalization;

namespace Stentor.Load;

/// <summary>What the command line asks for.</summary>
internal sealed record Settings
{
    /// <summary>What <c>--help</c> prints below the rows.</summary>
    public const string Help = """
          --readers N,N…        readers (fan-out: 50,1000,5000; fan-out-streamer: 1000; latency: 1,10,100,1000)
          --seconds S           length of a measurement (5)
          --warm-up S           load before it, not counted (2; where latency is measured 8)
          --runs N              runs a case, contenders in turn; medians are printed (3)
          --window N            activities on their way to readers (fan-out; 500,000 over the readers, 50 to 1,000)
          --connections N       publish, HTTP, many-channels, idle-memory: connections
          --in-flight N         publish: publishes in flight on each connection
          --rate N              many-channels: publishes a second (30,000); latency: deliveries a second (100,000)
          --entries N           catch-up (2,000,000), recovery (10,000,000)
          --channels N          many-channels (100,000), recovery (1,000), reads-http (100)
          --bytes N             size of an activity (200 delivered, 300 published)
          --contenders A,B…     only these: stentor, nats, mosquitto, signalr, jetstream, redis, frames
          --server-binary PATH  stentor.dll (the Release build of this repository)
          --work-dir DIR        where servers keep their data (the temporary directory)
          --json FILE           writes the results with machine, versions and commit
        """;

    private double? _warmUpSeconds;

    public IReadOnlyList<int> Readers { get; private set; } = [];

    public double Seconds { get; private set; } = 5;

    public double WarmUpSeconds => _warmUpSeconds ?? 2;

    /// <summary>Before a latency is measured: long enough that what .NET compiles again for speed is done, a percentile feels each pause of it.</summary>
    public double LatencyWarmUpSeconds => _warmUpSeconds ?? 8;

    public int Runs { get; private set; } = 3;

    public int? Window { get; private set; }

    public int? Connections { get; private set; }

    public int? InFlight { get; private set; }

    public int? Rate { get; private set; }

    public long? Entries { get; private set; }

    public int? Channels { get; private set; }

    public int? Bytes { get; private set; }

    public IReadOnlyList<string> Contenders { get; private set; } = [];

    public string ServerBinary { get; private set; } = Path.Combine(Repository(), "src", "Stentor.Cli", "bin", "Release", "net10.0", "stentor.dll");

    public string WorkDirectory { get; private set; } = Path.GetTempPath();

    public string? JsonFile { get; private set; }

    /// <summary>Set when the run is to end early.</summary>
    public CancellationToken Stop { get; init; }

    /// <summary>Reads the options behind the row.</summary>
    /// <exception cref="ArgumentException">One is unknown, or its value is not what it takes.</exception>
    public static Settings Parse(ReadOnlySpan<string> arguments, CancellationToken stop)
    {
        var settings = new Settings { Stop = stop };
        for (var i = 0; i < arguments.Length; i += 2)
        {
            var name = arguments[i];
            if (i + 1 == arguments.Length)
            {
                throw new ArgumentException($"{name} needs a value.");
            }

            try
            {
                settings.Set(name, arguments[i + 1]);
            }
            catch (FormatException e)
            {
                throw new ArgumentException($"{name} does not take '{arguments[i + 1]}'.", e);
            }
        }

        return settings;
    }

    /// <summary>The root of the repository that this program was built in; the current directory when there is none above it.</summary>
    public static string Repository()
    {
        for (var directory = new DirectoryInfo(AppContext.BaseDirectory); directory is not null; directory = directory.Parent)
        {
            if (File.Exists(Path.Combine(directory.FullName, "Stentor.slnx")))
            {
                return directory.FullName;
            }
        }

        return Environment.CurrentDirectory;
    }

    private void Set(string name, string value)
    {
        switch (name)
        {
            case "--readers":
                Readers = [.. value.Split(',').Select(Whole)];
                break;
            case "--seconds":
                Seconds = double.Parse(value, CultureInfo.InvariantCulture);
                break;
            case "--warm-up":
                _warmUpSeconds = double.Parse(value, CultureInfo.InvariantCulture);
                break;
            case "--runs":
                Runs = Whole(value);
                break;
            case "--window":
                Window = Whole(value);
                break;
            case "--connections":
                Connections = Whole(value);
                break;
            case "--in-flight":
                InFlight = Whole(value);
                break;
            case "--rate":
                Rate = Whole(value);
                break;
            case "--entries":
                Entries = Whole(value);
                break;
            case "--channels":
                Channels = Whole(value);
                break;
            case "--bytes":
                Bytes = Whole(value);
                break;
            case "--contenders":
                Contenders = value.Split(',');
                break;
            case "--server-binary":
                ServerBinary = Path.GetFullPath(value);
                break;
            case "--work-dir":
                WorkDirectory = Path.GetFullPath(value);
                break;
            case "--json":
                JsonFile = Path.GetFullPath(value);
                break;
            default:
                throw new ArgumentException($"Unknown option {name}; see --help.");
        }
    }

    private static int Whole(string text)
    {
        var number = int.Parse(text.Replace("_", "", StringComparison.Ordinal), NumberStyles.None, CultureInfo.InvariantCulture);
        return number > 0 ? number : throw new FormatException();
    }
}
