using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Stentor.Load.Net;

namespace Stentor.Load.Servers;

/// <summary>A server under test: a child process with a temporary directory of its own, ended by its id.</summary>
internal abstract class ChildServer : IDisposable
{
    private const int StartSeconds = 60;

    /// <summary>Lines of error output kept for messages.</summary>
    private const int ErrorLinesMax = 20;

    private readonly ConcurrentQueue<string> _errors = new();
    private BlockingCollection<string> _lines = [];
    private Process? _process;

    protected ChildServer(Settings settings)
    {
        Settings = settings;
        Directory = System.IO.Directory.CreateDirectory(Path.Combine(settings.WorkDirectory, $"stentor-load-{Guid.NewGuid():N}")).FullName;
    }

    /// <summary>Where it keeps its data.</summary>
    public string Directory { get; }

    /// <summary>The process id while it runs.</summary>
    public int ProcessId => _process?.Id ?? throw new InvalidOperationException("The server is not running.");

    /// <summary>Whether every publish is answered.</summary>
    public virtual bool AcknowledgesPublishes => true;

    protected Settings Settings { get; }

    /// <summary>Starts it and waits until it serves. Apart from the constructor, so that a server that does not start is disposed of like any other.</summary>
    public abstract void Begin();

    /// <summary>Opens a connection that reads channels.</summary>
    /// <param name="channels">What it subscribes to.</param>
    /// <param name="tally">What it counts into.</param>
    public virtual Connection OpenReader(IReadOnlyList<string> channels, Tally tally) => throw new NotSupportedException($"{GetType().Name} has no readers.");

    /// <summary>Opens a connection that publishes.</summary>
    /// <param name="tally">What it counts into.</param>
    public abstract Connection OpenPublisher(Tally tally);

    /// <summary>Processor time used so far, in seconds.</summary>
    public double ProcessorSeconds()
    {
        _process!.Refresh();
        return _process.TotalProcessorTime.TotalSeconds;
    }

    /// <summary>Resident memory now, in bytes (<c>VmRSS</c>).</summary>
    public long ResidentBytes()
    {
        var line = File.ReadLines($"/proc/{ProcessId}/status").First(l => l.StartsWith("VmRSS:", StringComparison.Ordinal));
        return long.Parse(line["VmRSS:".Length..].Replace("kB", "", StringComparison.Ordinal), CultureInfo.InvariantCulture) * 1024;
    }

    /// <summary>Ends the process at once, as <c>kill -9</c> does, and keeps its directory.</summary>
    public void Kill()
    {
        if (_process is null)
        {
            return;
        }

        if (!_process.HasExited)
        {
            _process.Kill();
        }

        _process.WaitForExit();
        _process.Dispose();
        _process = null;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Kill();
        _lines.Dispose();
        System.IO.Directory.Delete(Directory, recursive: true);
        Libc.Sync(); // What the file system and the disk have to do for it is not the next contender's.
    }

    /// <summary>A loopback port that nobody listens on.</summary>
    protected static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    /// <summary>Starts the process.</summary>
    protected void Start(string program, IEnumerable<string> arguments, params (string Name, string Value)[] environment)
    {
        var start = new ProcessStartInfo(Programs.Find(program) ?? throw new LoadException($"{program} is not installed; see bench/install-peers.sh."), arguments) { RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false, WorkingDirectory = Directory };
        foreach (var (name, value) in environment)
        {
            start.Environment[name] = value;
        }

        var lines = _lines = [];
        _process = Process.Start(start) ?? throw new LoadException($"{program} did not start.");
        _process.OutputDataReceived += (_, line) =>
        {
            // Only what comes before the server is up matters; the bound keeps a talkative server from filling memory.
            if (line.Data is not null && lines.Count < 1000)
            {
                lines.Add(line.Data);
            }
        };
        _process.ErrorDataReceived += (_, line) =>
        {
            if (line.Data is not null && _errors.Count < ErrorLinesMax)
            {
                _errors.Enqueue(line.Data);
            }
        };
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
    }

    /// <summary>The next line that the process printed.</summary>
    /// <exception cref="LoadException">It ended, or printed nothing in time.</exception>
    protected string NextLine()
    {
        for (var deadline = Clock.Now + (StartSeconds * Clock.Second); Clock.Now < deadline;)
        {
            if (_lines.TryTake(out var line, 100))
            {
                return line;
            }

            ThrowIfEnded();
        }

        throw new LoadException($"The server printed nothing within {StartSeconds} s. {Errors}");
    }

    /// <summary>Waits until the port takes connections.</summary>
    protected IPEndPoint WaitForPort(int port)
    {
        var endpoint = new IPEndPoint(IPAddress.Loopback, port);
        for (var deadline = Clock.Now + (StartSeconds * Clock.Second); Clock.Now < deadline;)
        {
            using var probe = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            try
            {
                probe.Connect(endpoint);
                return endpoint;
            }
            catch (SocketException)
            {
                ThrowIfEnded(); // Refused: it is not up yet.
                Thread.Sleep(10);
            }
        }

        throw new LoadException($"Nothing listened on port {port} within {StartSeconds} s. {Errors}");
    }

    /// <summary>Fails when the process has ended by itself.</summary>
    protected void ThrowIfEnded()
    {
        if (_process is { HasExited: true })
        {
            _process.WaitForExit();
            throw new LoadException($"The server ended with exit code {_process.ExitCode}. {Errors}");
        }
    }

    private string Errors => string.Join(" / ", _errors.Concat(_lines.TakeLast(3)));
}
