namespace Stentor.Cli.Tests.CommandLine;

public sealed class SettingsTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("stentor-cli-").FullName;

    [Fact]
    public async Task An_option_comes_from_the_command_line_before_a_variable_before_the_file()
    {
        WriteFile("""{"depth-max": 1001}""");
        var variables = new Dictionary<string, string> { ["STENTOR_DEPTH_MAX"] = "1002" };

        var file = await ErrorOf([], "serve");
        var variable = await ErrorOf(variables, "serve");
        var flag = await ErrorOf(variables, "serve", "--depth-max", "1003");

        Assert.Contains("'1001'", file, StringComparison.Ordinal);
        Assert.Contains("key 'depth-max'", file, StringComparison.Ordinal);
        Assert.Contains("STENTOR_DEPTH_MAX: '1002'", variable, StringComparison.Ordinal);
        Assert.Contains("'1003'", flag, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_unknown_variable_is_an_error_that_suggests_the_nearest()
    {
        var run = new CommandRun { Variables = new() { ["STENTOR_SERVR"] = "http://127.0.0.1:1" }, Directory = _directory };

        var exitCode = await run.RunAsync("get", "x");

        Assert.Equal(2, exitCode);
        Assert.Contains("STENTOR_SERVR is unknown; did you mean 'STENTOR_SERVER'?", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_unknown_key_of_the_file_is_an_error_that_suggests_the_nearest()
    {
        WriteFile("""{"rate-limit": "off"}""");

        var error = await ErrorOf([], "get", "x");

        Assert.Contains("the key 'rate-limit' is unknown; did you mean 'rate-limits'?", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_key_or_variable_that_resembles_nothing_is_an_error_that_makes_no_guess_and_says_where_to_look()
    {
        var variable = await ErrorOf(new() { ["STENTOR_FOO"] = "1" }, "get", "x");
        WriteFile("""{"colour": "red"}""");
        var key = await ErrorOf([], "get", "x");

        Assert.Contains("STENTOR_FOO is unknown. Each option has one", variable, StringComparison.Ordinal);
        Assert.Contains("the key 'colour' is unknown. Each option has one", key, StringComparison.Ordinal);
        Assert.DoesNotContain("did you mean", variable + key, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("[]", "must hold a JSON object")]
    [InlineData("{", "is not JSON")]
    [InlineData("""{"listen": {}}""", "must be a string, a number, true, false, or a list of these")]
    public async Task A_file_that_is_none_is_an_error_that_names_it(string content, string complaint)
    {
        WriteFile(content);

        var error = await ErrorOf([], "get", "x");

        Assert.Contains(Path.Combine(_directory, "stentor.json"), error, StringComparison.Ordinal);
        Assert.Contains(complaint, error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_variable_may_name_several_servers()
    {
        var run = new CommandRun { Variables = new() { ["STENTOR_SERVER"] = "http://127.0.0.1:1 ftp://127.0.0.1:2" }, Directory = _directory };

        await run.RunAsync("get", "x");

        Assert.Contains("'ftp://127.0.0.1:2' is not a value for --server", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Help_is_given_whatever_the_settings_are()
    {
        WriteFile("{");

        var run = new CommandRun { Directory = _directory };

        Assert.Equal(0, await run.RunAsync("serve", "--help"));
        Assert.Contains("--listen", run.Out, StringComparison.Ordinal);
    }

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    private void WriteFile(string content) => File.WriteAllText(Path.Combine(_directory, "stentor.json"), content);

    private async Task<string> ErrorOf(Dictionary<string, string> variables, params string[] args)
    {
        var run = new CommandRun { Variables = variables, Directory = _directory };
        Assert.Equal(2, await run.RunAsync(args));
        return run.Error;
    }
}
