using System.IO.Pipelines;
using System.Text;
using System.Threading.Channels;

namespace Stentor.Cli.Tests.ActivityStreamer;

/// <summary>The client command at work: a test types, reads what it prints, and stops it.</summary>
internal sealed class StreamerRun : IDisposable
{
    private readonly Pipe _in = new();
    private readonly Pipe _out = new();
    private readonly StreamReader _lines;
    private readonly ErrorLines _error = new();
    private readonly CancellationTokenSource _stop = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);

    private StreamerRun(Dictionary<string, string> variables, string[] args)
    {
        _lines = new StreamReader(_out.Reader.AsStream());
        var around = new CommandRun().Around with { In = _in.Reader.AsStream(), Out = _out.Writer.AsStream(), Error = _error, Variables = variables, Stop = _stop.Token };
        Exit = StentorProgram.RunAsync(["activity-streamer", .. args], around);
    }

    /// <summary>The exit code, once it has ended.</summary>
    public Task<int> Exit { get; }

    /// <summary>Starts the command.</summary>
    public static StreamerRun Start(params string[] args) => new([], args);

    /// <summary>Starts the command with variables.</summary>
    public static StreamerRun StartWith(Dictionary<string, string> variables, params string[] args) => new(variables, args);

    /// <summary>Types lines.</summary>
    public async Task TypeAsync(params string[] lines) => await _in.Writer.WriteAsync(Encoding.UTF8.GetBytes(string.Concat(lines.Select(line => line + "\n"))));

    /// <summary>Ends the input.</summary>
    public Task EndInputAsync() => _in.Writer.CompleteAsync().AsTask();

    /// <summary>Ctrl-C.</summary>
    public Task StopAsync() => _stop.CancelAsync();

    /// <summary>The next line on standard output.</summary>
    public async Task<string?> ReadAsync() => await _lines.ReadLineAsync(TestContext.Current.CancellationToken);

    /// <summary>The next line on standard error that holds a text; those before are passed over.</summary>
    public async Task<string> ReadErrorAsync(string text)
    {
        await foreach (var line in _error.Lines.ReadAllAsync(TestContext.Current.CancellationToken))
        {
            if (line.Contains(text, StringComparison.Ordinal))
            {
                return line;
            }
        }

        throw new InvalidOperationException("Standard error never ends.");
    }

    public void Dispose()
    {
        _stop.Cancel();
        _stop.Dispose();
        _lines.Dispose();
        _error.Dispose();
    }

    /// <summary>Standard error, line by line as it is written.</summary>
    private sealed class ErrorLines : TextWriter
    {
        private readonly Channel<string> _lines = Channel.CreateUnbounded<string>();

        public ChannelReader<string> Lines => _lines.Reader;

        public override Encoding Encoding => Encoding.UTF8;

        public override void WriteLine(string? value) => _lines.Writer.TryWrite(value ?? "");

        public override Task WriteLineAsync(string? value)
        {
            WriteLine(value);
            return Task.CompletedTask;
        }
    }
}
