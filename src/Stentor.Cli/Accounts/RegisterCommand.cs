using System.CommandLine;
using Stentor.Cli.Clients;
using Stentor.Cli.CommandLine;
using Stentor.Client;

namespace Stentor.Cli.Accounts;

/// <summary><c>stentor register</c>: claims a username.</summary>
internal sealed class RegisterCommand : ClientCommand
{
    private readonly Argument<string> _username = new Argument<string>("USERNAME") { Description = "1 to 64 of A-Z a-z 0-9 _ - and dots." }.By(ValueRules.User);

    /// <summary>Makes the command.</summary>
    /// <param name="around">What it finds around it.</param>
    public RegisterCommand(Surroundings around)
        : base("register", "Register a username with a secret.", around)
    {
        Add(_username);
        AddOptions();
    }

    /// <inheritdoc/>
    public override IReadOnlyList<string> Examples =>
    [
        "stentor register ada",
        "# without a keyboard: the secret is the file's first line",
        "head -c 24 /dev/urandom | base64 > ada.secret && stentor register ada --secret-file ada.secret",
    ];

    /// <inheritdoc/>
    protected override bool AsksAsUser => false;

    /// <inheritdoc/>
    protected override async Task<int> RunAsync(ParseResult parsed, StentorClient client, CancellationToken cancellationToken)
    {
        var username = parsed.GetRequiredValue(_username);
        await client.RegisterAsync(username, Secrets.ReadNew(SecretFileOf(parsed), username, Around), cancellationToken);
        var output = new OutputLines(Around.Out);
        output.Add($"registered {username}");
        output.Flush();
        return ExitCode.Done;
    }
}
