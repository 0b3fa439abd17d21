using System.CommandLine;
using Stentor.Cli.CommandLine;
using Stentor.Client;

namespace Stentor.Cli.Clients;

/// <summary>A command that talks to a node: which one, as whom, how patiently.</summary>
internal abstract class ClientCommand : ExampleCommand
{
    private readonly Option<Uri[]> _server = new("--server")
    {
        Description = "The node; may be repeated: the next one is asked when one does not answer.",
        HelpName = "URL",
        DefaultValueFactory = _ => [.. new StentorClientOptions().Addresses],
        CustomParser = result => [.. result.Tokens.Select(token => CommonOptions.Url("--server", token.Value, result)!)], // A null comes with an error, which ends the command.
    };

    private readonly Option<string?> _user = new Option<string?>("--user") { Description = "Who asks; without it, nobody in particular (anonymous).", HelpName = "NAME" }.By(ValueRules.User);
    private readonly Option<string?> _secretFile = new("--secret-file") { Description = "The file with the user's secret. On a terminal it is asked for when it is not given.", HelpName = "FILE" };
    private readonly Option<int> _timeout = CommonOptions.Number("--timeout", "How long a request is tried again, in seconds, when no node takes it.", "N", 10, 1, 86_400);

    /// <summary>Makes the command.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="description">What it does.</param>
    /// <param name="around">What it finds around it.</param>
    protected ClientCommand(string name, string description, Surroundings around)
        : base(name, description)
    {
        Around = around;
        SetAction((parsed, cancellationToken) => ConnectAndRunAsync(parsed, cancellationToken));
    }

    /// <summary>What the command finds around it.</summary>
    protected Surroundings Around { get; }

    /// <summary>Whether the command goes on for ever: then a connection that is lost is made again without a limit.</summary>
    protected virtual bool Lasts => false;

    /// <summary>Whether the command only reads: then it is done whenever it is asked to end. Others have failed when they are stopped before their outcome is known.</summary>
    protected virtual bool Reads => false;

    /// <summary>Whether the command asks as a user, who may be given.</summary>
    protected virtual bool AsksAsUser => true;

    /// <summary>Whether the command is about the very node that it asks, so that no other one may answer in its place.</summary>
    protected virtual bool AsksOneServer => false;

    /// <summary>Adds the command's own options and then the common ones, so that help shows them in this order.</summary>
    /// <param name="own">The command's own.</param>
    protected void AddOptions(params ReadOnlySpan<Option> own)
    {
        foreach (var option in own)
        {
            Add(option);
        }

        foreach (var option in (ReadOnlySpan<Option>)[_server, .. AsksAsUser ? (ReadOnlySpan<Option>)[_user] : [], _secretFile, _timeout])
        {
            Add(option);
        }
    }

    /// <summary>Does it.</summary>
    /// <param name="parsed">The command line.</param>
    /// <param name="client">The client.</param>
    /// <param name="cancellationToken">Asks for the end.</param>
    /// <returns>One of <see cref="ExitCode"/>.</returns>
    protected abstract Task<int> RunAsync(ParseResult parsed, StentorClient client, CancellationToken cancellationToken);

    /// <summary>Further options of the client that this command needs.</summary>
    /// <param name="parsed">The command line.</param>
    /// <param name="options">The options so far.</param>
    protected virtual StentorClientOptions Adjust(ParseResult parsed, StentorClientOptions options) => options;

    /// <summary>Who asks; null for anonymous.</summary>
    /// <param name="parsed">The command line.</param>
    protected string? UserOf(ParseResult parsed) => parsed.GetValue(_user);

    /// <summary>The file with the secret; null when none is given.</summary>
    /// <param name="parsed">The command line.</param>
    protected string? SecretFileOf(ParseResult parsed) => parsed.GetValue(_secretFile) is { } path ? Around.PathOf(path) : null;

    private async Task<int> ConnectAndRunAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        var timeout = TimeSpan.FromSeconds(parsed.GetValue(_timeout));
        var username = AsksAsUser ? UserOf(parsed) : null;
        if (AsksAsUser && username is null && SecretFileOf(parsed) is not null)
        {
            throw CommandException.Usage("--secret-file needs --user: whose secret is it?");
        }

        if (AsksOneServer && parsed.GetRequiredValue(_server).Length > 1)
        {
            throw CommandException.Usage("this is about one node: give one --server.");
        }

        var watch = new ConnectionWatch(Around);
        StentorClient client;
        try
        {
            client = new StentorClient(Adjust(parsed, new StentorClientOptions
            {
                Addresses = parsed.GetRequiredValue(_server),
                Username = username,
                Secret = username is null ? null : Secrets.Read(SecretFileOf(parsed), username, Around),
                ClientName = "stentor-cli",
                RequestDeadline = timeout,
                PublishDeadline = timeout,
                ReconnectDeadline = Lasts ? Timeout.InfiniteTimeSpan : timeout,
                OnConnection = watch.OnConnection,
            }));
        }
        catch (ArgumentException e)
        {
            throw CommandException.Usage(e.Message);
        }

        await using (client)
        {
            try
            {
                return await RunAsync(parsed, client, cancellationToken);
            }
            catch (OperationCanceledException) when (Reads && cancellationToken.IsCancellationRequested)
            {
                return ExitCode.Done;
            }
            catch (StentorException e)
            {
                throw new CommandException($"{e.Type}: {e.Detail}");
            }
        }
    }

    /// <summary>Tells the user about connections that are lost and found, and about nothing else.</summary>
    private sealed class ConnectionWatch(Surroundings around)
    {
        private int _lost;

        public void OnConnection(ConnectionEvent change)
        {
            if (!change.Connected)
            {
                Interlocked.Exchange(ref _lost, 1);
                var detail = change.Detail.TrimEnd('.');
                around.Error.WriteLine(change.RetryIn is { } retry && retry > TimeSpan.Zero ? $"{detail}; trying again in {retry.TotalSeconds:0.#} s." : $"{detail}.");
            }
            else if (Interlocked.Exchange(ref _lost, 0) == 1)
            {
                around.Error.WriteLine($"Connected to {change.Address} again.");
            }
        }
    }
}
