using System.Globalization;
using System.Text;
using Stentor.EndToEnd.Processes;

namespace Stentor.EndToEnd.Starting;

/// <summary>A shell into which a test pastes what a person would paste, and reads what comes out.</summary>
internal sealed class Terminal : CommandProcess
{
    private const string Done = "--- done ";

    // The longest silence is that of a first build: it took 128 s once on two cores that many wanted.
    private static readonly TimeSpan SilenceMax = TimeSpan.FromMinutes(4);

    private readonly StringBuilder _text = new();
    private readonly Task _reading;
    private readonly string _address;
    private TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _pasted;
    private int _listening;

    /// <summary>Opens one.</summary>
    /// <param name="directory">Where it stands.</param>
    /// <param name="port">In place of the default port, which may be taken on this machine.</param>
    public Terminal(string directory, int port)
        : this(directory, string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{port}"))
    {
    }

    private Terminal(string directory, string address)
        : base(directory, [], "bash", new Dictionary<string, string> { ["STENTOR_LISTEN"] = address, ["STENTOR_SERVER"] = address })
    {
        _address = address;
        _reading = ReadAsync();
    }

    /// <summary>What stands in it.</summary>
    public string Text
    {
        get
        {
            lock (_text)
            {
                return _text.ToString();
            }
        }
    }

    /// <summary>Whether a command that goes on for ever is running in it.</summary>
    public bool IsBusy { get; private set; }

    /// <summary>Pastes text and waits until its commands have ended, or until the node that they start listens.</summary>
    /// <param name="text">Lines for the shell.</param>
    public async Task PasteAsync(string text)
    {
        var serves = text.StartsWith("./stentor serve\n", StringComparison.Ordinal);
        IsBusy = serves || (text.StartsWith("./stentor subscribe", StringComparison.Ordinal) && text.Count('\n') == 1 && !text.Contains('|', StringComparison.Ordinal));
        await In.WriteAsync(text.Replace("http://127.0.0.1:5050", _address, StringComparison.Ordinal));
        if (!IsBusy)
        {
            await In.WriteLineAsync($"echo '{Done}{++_pasted}'");
        }

        await In.FlushAsync();
        if (serves)
        {
            _listening++;
            await WaitAsync(() => Text.Split("listening on").Length > _listening);
        }
        else if (!IsBusy)
        {
            await WaitForAsync($"{Done}{_pasted}");
        }
    }

    /// <summary>Presses Ctrl-C and waits until the command has ended.</summary>
    public async Task InterruptAsync()
    {
        foreach (var child in File.ReadAllText($"/proc/{Id}/task/{Id}/children").Split(' ', StringSplitOptions.RemoveEmptyEntries))
        {
            Signal(int.Parse(child, CultureInfo.InvariantCulture), 2);
        }

        IsBusy = false;
        await PasteAsync("");
    }

    /// <summary>Waits until a text stands in it.</summary>
    /// <param name="text">The text.</param>
    public Task WaitForAsync(string text) => WaitAsync(() => Text.Contains(text, StringComparison.Ordinal));

    /// <inheritdoc/>
    public override async ValueTask DisposeAsync()
    {
        if (IsBusy)
        {
            await InterruptAsync();
        }

        await base.DisposeAsync();
        await _reading;
    }

    private async Task WaitAsync(Func<bool> isThere)
    {
        while (!isThere())
        {
            var changed = Volatile.Read(ref _changed);
            if (isThere())
            {
                return;
            }

            try
            {
                await changed.Task.WaitAsync(SilenceMax, TestContext.Current.CancellationToken);
            }
            catch (TimeoutException)
            {
                Assert.Fail($"The terminal stands still:\n{Text}\n{ErrorText}");
            }
        }
    }

    private async Task ReadAsync()
    {
        while (await Out.ReadLineAsync() is { } line)
        {
            lock (_text)
            {
                _text.Append(line).Append('\n');
            }

            Interlocked.Exchange(ref _changed, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).SetResult();
        }
    }
}
