using System.ComponentModel;
using System.Diagnostics;
using System.Text.Json;
using Stentor.Cli.Demos;
using Stentor.Cli.Lab.Readers;

namespace Stentor.Cli.Lab;

/// <summary>The process with the clients of one combination. It ends when its input does, so it cannot outlive the lab, whatever ends that.</summary>
internal sealed class ReadersProcess : IAsyncDisposable
{
    private readonly Process _process;
    private readonly Task<string> _complaints;

    private ReadersProcess(Process process)
    {
        _process = process;
        _complaints = process.StandardError.ReadToEndAsync();
    }

    /// <summary>The process.</summary>
    public Process Process => _process;

    /// <summary>Starts it; when it returns, the clients show what is written from now on.</summary>
    /// <param name="directory">Its working directory.</param>
    /// <param name="order">Which clients.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="LabException">A client cannot connect.</exception>
    public static async Task<ReadersProcess> StartAsync(string directory, CrowdOrder order, CancellationToken cancellationToken)
    {
        ReadersProcess readers;
        try
        {
            readers = new ReadersProcess(Process.Start(DemoNode.ThisProgram(directory, ["lab", "readers"])) ?? throw new LabException("The readers could not be started."));
        }
        catch (Win32Exception e)
        {
            throw new LabException($"The readers could not be started: {e.Message}", e);
        }

        try
        {
            await readers.SayAsync(JsonSerializer.Serialize(order, CommandJson.Default.CrowdOrder));
            await readers.ReadAsync(line => line.Standing is not null, cancellationToken);
            return readers;
        }
        catch
        {
            await readers.DisposeAsync();
            throw;
        }
    }

    /// <summary>What went over the clients' connections until now.</summary>
    /// <param name="cancellationToken">Ends it.</param>
    public async Task<CrowdCount> CountAsync(CancellationToken cancellationToken)
    {
        await SayAsync(ReadersCommand.CountWord);
        return (await ReadAsync(line => line.Count is not null, cancellationToken)).Count!; // As asked for.
    }

    /// <summary>What each client showed, once all have shown the last write, or had time enough.</summary>
    /// <param name="last">The last write.</param>
    /// <param name="clients">How many clients there are.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public async Task<IReadOnlyList<ClientShown>> FinishAsync(long last, int clients, CancellationToken cancellationToken)
    {
        await SayAsync($"{ReadersCommand.FinishWord} {last}");
        var shown = new List<ClientShown>(clients);
        while (shown.Count < clients)
        {
            shown.Add((await ReadAsync(line => line.Shown is not null, cancellationToken)).Shown!); // As asked for.
        }

        return shown;
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await DemoNode.StopAsync(_process);
        await _complaints;
        _process.Dispose();
    }

    private async Task SayAsync(string line)
    {
        try
        {
            await _process.StandardInput.WriteLineAsync(line);
            await _process.StandardInput.FlushAsync();
        }
        catch (IOException)
        {
            // It has ended; reading its answer tells why.
        }
    }

    private async Task<CrowdLine> ReadAsync(Predicate<CrowdLine> isWanted, CancellationToken cancellationToken)
    {
        while (await _process.StandardOutput.ReadLineAsync(cancellationToken) is { } line)
        {
            if (JsonSerializer.Deserialize(line, CommandJson.Default.CrowdLine) is { } read && isWanted(read))
            {
                return read;
            }
        }

        throw new LabException($"The process of the readers ended. {await _complaints}".Trim());
    }
}
